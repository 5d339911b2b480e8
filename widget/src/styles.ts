/**
 * The element's looks. Text has a contrast of 7:1 or more in both themes, nothing to press is under 48 px, the input's
 * font is large enough that phones do not zoom, and sizes follow the reader's own text size. Where `light-dark()` is not
 * known, a colour falls back to the page's own.
 */
import { css } from "lit";

export const styles = css`
  :host {
    --accent: var(--mb-accent, light-dark(#0b4f8a, #9ccaff));
    --surface: var(--mb-surface, light-dark(#fff, #171c22));
    --line: 1px solid var(--mb-border, light-dark(#6d7986, #8b96a3));
    --focus: 3px solid var(--accent);
    --radius: var(--mb-radius, 12px);
    --space: var(--mb-space, 1rem);
    display: block;
    max-inline-size: 40rem;
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
  section > div {
    margin-block-start: var(--space);
  }
  p,
  div,
  section,
  li > button {
    margin-block: calc(var(--space) / 2);
  }
  #notice,
  [part="detail"] {
    color: var(--mb-muted, light-dark(#414d5a, #c4ccd5));
  }
  [part="field"],
  .results,
  section {
    border: var(--line);
    border-radius: var(--radius);
    background: var(--surface);
  }
  [part="field"] {
    display: flex;
    border-width: 2px;
  }
  [part="field"]:focus-within,
  :focus-visible {
    outline: var(--focus);
  }
  #title,
  #input {
    outline: 0;
  }
  input,
  button,
  [role="option"] {
    min-block-size: var(--mb-target, 48px);
    padding: 0.6rem var(--space);
    border-radius: var(--radius);
    background: none;
  }
  input {
    flex: 1;
    min-inline-size: 0;
  }
  button,
  [role="option"] {
    cursor: pointer;
  }
  button {
    color: var(--accent);
  }
  [part="button"] {
    border: 2px solid var(--accent);
  }
  [part="button"]:not(.quiet) {
    background: var(--accent);
    color: var(--mb-on-accent, light-dark(#fff, #06213c));
  }
  .results {
    display: flex;
    flex-direction: column;
    block-size: clamp(14rem, 50vh, 26rem);
  }
  .results > div,
  section {
    padding: calc(var(--space) / 2) var(--space);
  }
  [role="option"]:hover,
  [aria-selected="true"] {
    background: #8882;
  }
  [aria-selected="true"] {
    outline: var(--focus);
    outline-offset: -3px;
  }
  li {
    display: grid;
    grid-template-columns: auto 1fr;
    column-gap: var(--space);
    align-items: center;
  }
  li > * {
    grid-column: 2;
  }
  [part="logo"] {
    grid-area: 1 / 1 / span 2;
    display: grid;
    place-items: center;
    position: relative;
    overflow: hidden;
    inline-size: 2.5rem;
    aspect-ratio: 1;
    border: var(--line);
    border-radius: calc(var(--radius) / 2);
    font-size: 1rem;
  }
  img {
    position: absolute;
    inline-size: 100%;
    block-size: 100%;
    background: #fff;
    object-fit: contain;
  }
  mark {
    background: none;
    text-decoration: underline 2px;
  }
  code {
    user-select: all;
  }
  section {
    border-block-start: 6px solid var(--accent);
  }
  .done {
    border-block-start-color: var(--mb-success, light-dark(#14623c, #8edcae));
  }
  .wrong {
    border-block-start-color: var(--mb-danger, light-dark(#96281b, #ffb4a8));
  }
  section > div,
  li > div {
    display: flex;
    flex-wrap: wrap;
    gap: var(--space);
  }
  ul:not([hidden]) + div {
    border-block-start: var(--line);
  }
  ul {
    overflow: auto;
    list-style: none;
  }
  [part="connection"] {
    padding-block: var(--space);
    border-block-start: var(--line);
  }
  [role="status"] {
    position: absolute;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
`;
