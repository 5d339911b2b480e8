/**
 * Following how records arrive: looked at soon, then less and less often until they are all here. A page that nobody sees
 * asks nothing, and is up to date soon after it is seen again.
 */

const FIRST_MS = 2_000;
const LAST_MS = 15_000;

/**
 * @param look asks once; false where there is nothing more to wait for
 * @param wanted whether anybody still waits for it
 */
export async function followArrival(look: () => Promise<boolean>, wanted: () => boolean): Promise<void> {
  // Not before the element is there to be used.
  let pauseMs = 0;
  do {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = document.hidden ? FIRST_MS : Math.min(Math.max(pauseMs * 1.3, FIRST_MS), LAST_MS);
  } while (wanted() && (document.hidden || (await look())));
}
