/**
 * What the single file has in place of Lit's base class: as much of it as the element uses, in a sixth of the bytes. The
 * templates are Lit's own. The package keeps Lit's class, which frameworks and server-side rendering know; the same tests run
 * against both.
 */
import { html, nothing, render } from "lit/html.js";

export { html, nothing };

/** How a property is known to markup. */
interface Declaration {
  /** The attribute's name, or false for none. */
  attribute: string | false;
  /** `Boolean`, whose attribute follows the property, `Number`, or anything else for text. */
  type?: unknown;
}

/** A style sheet of text without expressions. */
export function css({ raw }: TemplateStringsArray): string {
  return `${raw[0]}`;
}

/** An element whose properties render it anew, all that change in one turn at once, from when it first enters a page. */
export abstract class LitElement extends HTMLElement {
  declare static properties: Record<string, Declaration>;
  declare static styles: string;
  static #sheet: CSSStyleSheet | undefined;

  declare renderRoot: ShadowRoot;
  #values: Record<string, unknown> = {};
  #update: Promise<unknown> | undefined;
  #enter = (): void => {};
  #entered = new Promise<void>((resolve) => {
    this.#enter = resolve;
  });
  /** What a page set before the tag was defined. */
  #early: [string, unknown][] = Object.entries(this);

  /** Read once for each tag that is defined, which is when the properties come to be. */
  static get observedAttributes(): string[] {
    // biome-ignore lint/complexity/noThisInStatic: the class that is being defined, which extends this one
    const { properties, prototype } = this;
    return Object.entries(properties).flatMap(([name, { attribute }]) => {
      Object.defineProperty(prototype, name, {
        configurable: true,
        get(this: LitElement) {
          return this.#values[name];
        },
        set(this: LitElement, value: unknown) {
          const before = this.#values[name];
          this.#values[name] = value;
          if (!Object.is(before, value)) this.requestUpdate();
        },
      });
      return attribute || [];
    });
  }

  /** Resolves once what has changed is rendered. */
  get updateComplete(): Promise<unknown> {
    return this.#update ?? Promise.resolve(true);
  }

  connectedCallback(): void {
    if (!this.renderRoot) {
      for (const [name, value] of this.#early) {
        Reflect.deleteProperty(this, name);
        Object.assign(this, { [name]: value });
      }
      this.renderRoot = this.attachShadow({ mode: "open" });
      if (!LitElement.#sheet) {
        // There is one element in the file, and so one sheet.
        LitElement.#sheet = new CSSStyleSheet();
        LitElement.#sheet.replaceSync((this.constructor as typeof LitElement).styles);
      }
      this.renderRoot.adoptedStyleSheets = [LitElement.#sheet];
    }
    this.#enter();
  }

  disconnectedCallback(): void {
    // Nothing of the base's has to end.
  }

  attributeChangedCallback(attribute: string, _before: string | null, value: string | null): void {
    const { properties } = this.constructor as typeof LitElement;
    for (const [name, one] of Object.entries(properties)) {
      if (one.attribute !== attribute) continue;
      const given = value !== null;
      Object.assign(this, { [name]: one.type === Boolean ? given : one.type === Number && given ? +value : value });
    }
  }

  requestUpdate(): void {
    this.#update ??= this.#entered.then(() => this.scheduleUpdate());
  }

  protected scheduleUpdate(): unknown {
    this.#update = undefined;
    return this.update();
  }

  protected update(): void {
    const { properties } = this.constructor as typeof LitElement;
    for (const [name, { attribute, type }] of Object.entries(properties)) {
      if (attribute && type === Boolean) this.toggleAttribute(attribute, !!this.#values[name]);
    }
    render(this.render(), this.renderRoot);
  }

  protected abstract render(): unknown;
}
