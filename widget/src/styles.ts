/**
 * The element's looks. Text has a contrast of 7:1 or more in both themes, nothing to press is under 48 px, the input's
 * font is large enough that phones do not zoom, and sizes follow the reader's own text size. Where `light-dark()` is not
 * known, a colour falls back to the page's own.
 */
import { css } from "lit";

export const styles = css`
  :host {
    --accent: var(--mb-accent, light-dark(#0b4f8a, #9ccaff));
    --line: 1px solid var(--mb-border, #788492);
    --radius: var(--mb-radius, 12px);
    --space: var(--mb-space, 1rem);
    --half: calc(var(--space) / 2);
    display: block;
    container-type: inline-size;
    width: 100%;
    max-width: 40rem;
    color: var(--mb-text, light-dark(#18212b, #f1f4f7));
    font-family: var(--mb-font, inherit);
    font-size: 1.125rem;
    line-height: 1.5;
    overflow-wrap: anywhere;
  }
  :host([hidden]) {
    display: none;
  }
  * {
    box-sizing: border-box;
    margin: 0;
    padding: 0;
    border: 0;
    background: none;
    color: inherit;
    font: inherit;
  }
  label,
  h2,
  button,
  [part="name"] {
    font-weight: 650;
  }
  label,
  h2 {
    font-size: 1.375rem;
  }
  h2,
  section > div,
  li > div {
    margin-top: var(--space);
  }
  p,
  section,
  [part="field"],
  .results {
    flex: 100%;
    margin: var(--half) 0;
  }
  #notice,
  [part="detail"] {
    color: var(--mb-muted, light-dark(#414d5a, #c4ccd5));
  }
  section,
  [part="field"],
  .results {
    border: var(--line);
    border-radius: var(--radius);
    background: var(--mb-surface, light-dark(#fff, #171c22));
  }
  [part="field"] {
    display: flex;
    border-width: 2px;
  }
  [part="field"]:focus-within,
  :focus-visible,
  [aria-selected="true"] {
    outline: 3px solid var(--accent);
  }
  #title,
  #input {
    outline: 0;
  }
  input,
  button,
  [part="option"] {
    min-height: var(--mb-target, 48px);
    padding: 0.6rem var(--space);
    border-radius: var(--radius);
  }
  input {
    flex: 1;
    min-width: 0;
  }
  button,
  [part="option"] {
    cursor: pointer;
  }
  button {
    color: var(--accent);
  }
  [part="button"] {
    border: 2px solid;
  }
  [part="button"]:not(.quiet) {
    border-color: var(--accent);
    background: var(--accent);
    color: var(--mb-on-accent, light-dark(#fff, #171c22));
  }
  .results {
    overflow: auto;
  }
  .open {
    min-height: 14rem;
    height: min(50vh, 26rem);
  }
  section,
  .results > div {
    padding: var(--half) var(--space);
  }
  [part="option"]:hover,
  [aria-selected="true"] {
    background: #8882;
  }
  li,
  [part="option"] {
    display: grid;
    grid-template-columns: 2.5rem 1fr;
    column-gap: var(--space);
    align-items: center;
  }
  li > *,
  [part="option"] > * {
    grid-column: 2;
  }
  [part="option"] {
    grid-column: 1 / -1;
    color: inherit;
    font-weight: inherit;
    text-align: start;
    outline-offset: -3px;
  }
  [part="logo"] {
    display: grid;
    grid-area: 1 / 1 / span 2;
    place-items: center;
    position: relative;
    overflow: hidden;
    height: 2.5rem;
    border: var(--line);
    border-radius: var(--half);
    font-size: 1rem;
  }
  img {
    position: absolute;
    width: 100%;
    height: 100%;
    background: #fff;
    object-fit: contain;
  }
  mark {
    text-decoration: underline 2px;
  }
  code {
    user-select: all;
  }
  section {
    border-top: 6px solid var(--tone, var(--accent));
  }
  /* Two lines, so that nothing moves as records arrive. */
  .done p {
    min-height: 3em;
  }
  .done {
    --tone: var(--mb-success, #24865a);
  }
  .wrong {
    --tone: var(--mb-danger, #cd4a3a);
  }
  section > div,
  li > div,
  .results > div {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: var(--half) var(--space);
  }
  ul {
    list-style: none;
  }
  ul + div,
  [part="connection"] {
    border-top: var(--line);
  }
  [part="connection"] {
    padding: var(--space) 0;
  }
  @media (forced-colors: active) {
    mark {
      color: CanvasText;
    }
  }
  /* Large text in a narrow place: what is read comes first, and the page scrolls rather than the list. */
  @container (width < 15rem) {
    [part="logo"] {
      display: none;
    }
    li,
    [part="option"] {
      grid-template-columns: 0 1fr;
      column-gap: 0;
    }
    .open {
      height: auto;
    }
  }
  /* A phone on its side, or a page that is zoomed: two things to scroll would leave room for neither. */
  @media (height < 30rem) {
    .open {
      height: auto;
    }
  }
  [role="status"] {
    position: absolute;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
`;
