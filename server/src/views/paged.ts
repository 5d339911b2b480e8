/** Lists as the library answers them: a promise of one page that can also be walked to its end. */
import type { List } from "../../../shared/src/list.ts";

/** A page to come. `autoPagingIterator` reads further pages as they are needed; from `ending_before` it walks backwards. */
export interface PagedList<T> extends Promise<List<T>> {
  autoPagingIterator(): AsyncIterableIterator<T>;
}

export function paged<T, P extends { starting_after?: string | undefined; ending_before?: string | undefined }>(
  parameters: P | undefined,
  fetchPage: (parameters: P) => Promise<List<T>>,
): PagedList<T> {
  const given = (parameters ?? {}) as P;
  async function* all(): AsyncIterableIterator<T> {
    const cursor = given.ending_before === undefined ? "starting_after" : "ending_before";
    for (let next: string | undefined = given[cursor]; ; ) {
      const list = await fetchPage(next === undefined ? given : { ...given, [cursor]: next });
      yield* cursor === "ending_before" ? list.data.toReversed() : list.data;
      if (list.next_cursor === null) return;
      next = list.next_cursor;
    }
  }
  // The page is fetched when it is awaited, so that walking alone reads nothing twice.
  let page: Promise<List<T>> | undefined;
  const fetched = () => (page ??= fetchPage(given));
  return {
    // biome-ignore lint/suspicious/noThenProperty: a list can be awaited for its first page
    then: (onFulfilled, onRejected) => fetched().then(onFulfilled, onRejected),
    catch: (onRejected) => fetched().catch(onRejected),
    finally: (onFinally) => fetched().finally(onFinally),
    [Symbol.toStringTag]: "PagedList",
    autoPagingIterator: all,
  };
}
