/** A page of a list. `next_cursor` is opaque; it goes back as `starting_after`, and is null on the last page. */
export interface List<T> {
  resource_type: "list";
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}
