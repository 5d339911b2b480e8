/** Watches the process's memory; the function that comes back ends it and answers the highest it got above its start, in MiB. */
export function peakMemory(): () => number {
  const start = process.memoryUsage.rss();
  let peak = start;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  return () => {
    clearInterval(watch);
    return (peak - start) / 2 ** 20;
  };
}

/** Watches the process's memory; the function that comes back ends it and answers the most that was resident, in MiB. */
export function atMost(): () => number {
  const start = process.memoryUsage.rss() / 2 ** 20;
  const above = peakMemory();
  return () => start + above();
}
