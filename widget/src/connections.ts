/** The patient's own connections: how each one is, a way back for those that have ended, and a way out, asked about once. */
import { html, nothing, type TemplateResult } from "lit";
import type { PatientConnection } from "./client.ts";
import { renderButton, renderLogo } from "./pieces.ts";
import type { View } from "./state.ts";
import { fill, type Strings } from "./strings.ts";

/** What the list needs of the element. */
export interface ConnectionsHost {
  readonly connections: readonly PatientConnection[] | null;
  readonly disabled: boolean;
  readonly searchUrl: string;
  readonly connectionsUrl: string;
  reconnect(id: string): Promise<void>;
}

/** What the patient can do with it. */
export interface ConnectionsActs {
  change(change: Partial<View>): void;
  disconnect(connection: PatientConnection): void;
}

/** What a connection does not give of what was asked for, in the patient's words; empty where nothing is missing. */
export function missingOf(link: PatientConnection | null, { missing, kinds, lang }: Strings): string {
  const names = link?.not_granted?.map((type) => (Object.hasOwn(kinds, type) ? kinds[type] : kinds.other) as string);
  return names?.length ? fill(missing, { kinds: new Intl.ListFormat(lang).format(new Set(names)) }) : "";
}

/** A state's words; those of `expired` and `failed` serve for their likes. */
export function statusOf(name: PatientConnection["status"], { status }: Strings): string | undefined {
  return status[name] ?? status[name === "refresh_failed" ? "expired" : "failed"];
}

/** What is asked before a connection ends, or told of how that goes. */
export function askOf({ ending }: View, words: Strings): string {
  const told = words.outcomes.wait?.[ending?.told as "text"];
  return told ?? fill(words.disconnectAsk, { ...words, ...ending });
}

/**
 * The list under its heading, or nothing where there is none.
 *
 * @param ended those that have ended here, whatever the list says of them
 */
export function renderConnections(
  host: ConnectionsHost,
  ended: WeakSet<PatientConnection>,
  view: View,
  words: Strings,
  acts: ConnectionsActs,
): TemplateResult | typeof nothing {
  const { connections, disabled, searchUrl, connectionsUrl } = host;
  if (!connections?.length) return nothing;
  const rows = connections.map((connection) => {
    const { id, name, last_refreshed_at } = connection;
    const status = ended.has(connection) ? "disconnected" : connection.status;
    const say = (text: string) => fill(text, { ...words, ...connection });
    const active = status === "active";
    const asking = view.ending?.id === id;
    const missing = active && !asking ? missingOf(connection, words) : "";
    const since =
      active && last_refreshed_at
        ? ` · ${fill(words.updated, { date: new Date(last_refreshed_at).toLocaleDateString(words.lang) })}`
        : "";
    const again = renderButton(say(missing ? "{fix}: {name}" : words.reconnect), () => void host.reconnect(id));
    // The button that asks turns into the way back, so that the focus stays and a second press harms nothing.
    const end = renderButton(
      say(asking ? words.disconnectNo : words.disconnect),
      () => acts.change({ ending: asking ? null : connection }),
      !asking,
    );
    return html`
      <li part="connection">
        ${renderLogo(connection, searchUrl)}
        <span part="name">${name}</span>
        <span part="detail">${statusOf(status, words)}${since}</span>
        ${missing ? html`<p>${missing}</p>` : nothing}
        ${asking ? html`<p>${askOf(view, words)}</p>` : nothing}
        ${
          disabled || (asking && view.ending?.told === "title")
            ? nothing
            : html`<div>
                ${active && !missing ? nothing : again} ${active && connectionsUrl ? end : nothing}
                ${asking ? renderButton(say(words.disconnectYes), () => acts.disconnect(connection), true) : nothing}
              </div>`
        }
      </li>
    `;
  });
  return html`
    <h2 id="connections" tabindex="-1">${words.connections}</h2>
    <ul part="connections" role="list" aria-labelledby="connections">${rows}</ul>
  `;
}
