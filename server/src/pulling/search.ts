/**
 * One step of one type: asks for a page, judges the answer, and writes what came of it in one transaction: the records, the
 * place reached, the progress, the documents and the resources that the records point to.
 */
import { hash } from "node:crypto";
import { noteDocuments } from "../documents.ts";
import { urlBelow } from "../fhir/client.ts";
import { demandOf, isFailing, type Issue, issuesOf } from "../fhir/operation-outcome.ts";
import { type Page, type PageRecord, parseJson, readPage, readSingle } from "../fhir/page.ts";
import { PATIENT_COMPARTMENT } from "../fhir/patient-compartment.ts";
import { REFERENCED_TYPES, type ResourceKey } from "../fhir/reference.ts";
import type { Tx } from "../store/database.ts";
import { countCompanions, writePull, writePullType } from "../store/pulls.ts";
import { newestOfEach, storeRecords } from "../store/records.ts";
import { noteReferences } from "../store/references.ts";
import type { PullTypeRow, ReferenceFoundRow } from "../store/schema.ts";
import { beginning, type Ends, isWhole, type Place, searchEnded, searchReplaced, stateOf } from "./place.ts";
import { EVERYTHING } from "./plan.ts";
import { type Answer, ask, type Pulling } from "./reading.ts";

/** A type under way. */
export interface TypeWork {
  row: PullTypeRow;
  place: Place;
  notes: Record<string, number>;
}

const DAY_MS = 24 * 3600 * 1000;
/** A next page's address may die: after this the search begins anew, once. */
const NEXT_LASTS_MS = 5 * 60_000;
const MOST_PAGES = 1000;
const TRIES = 6;
const FIRST_PAUSE_MS = 2000;
/** Once the tries are used up at a server that only asks for patience. */
const LONG_PAUSE_MS = 15 * 60_000;
/** References of one connection that are read. */
const MOST_REFERENCES = 500;
const MOST_HOPS = 2;

/** What a step came to: the type's work as it stands and is stored; and when the host may be asked again, if not at once. */
export interface Step {
  work: TypeWork;
  later: number | null;
}

/** Asks for the next page of a type. */
export async function step(pulling: Pulling, before: TypeWork): Promise<Step> {
  const now = pulling.context.clock();
  const work = freshened(before, now);
  const written = work.place.next;
  const url = written === null ? firstUrl(pulling, work) : urlBelow(pulling.subject.base, written);
  // Only what was found below the base is ever kept as a next page.
  if (!url) throw new Error("The next page is not below the FHIR base");
  const answer = await ask(pulling, url);
  if (answer.outcome === "later") return { work: before, later: answer.at };
  const taken = take(pulling, work, answer, url);
  return { work: await write(pulling, taken), later: null };
}

/** A type's work after an answer, and the records that are to be stored with it. */
interface Taken {
  work: TypeWork;
  records: PageRecord[];
  bytes: number;
}

function take(pulling: Pulling, work: TypeWork, answer: Exclude<Answer, { outcome: "later" }>, url: URL): Taken {
  if (answer.outcome === "fault") {
    const { reason, throttled, lasting } = answer;
    return faulty(pulling, noted(work, reason), { lasting, patient: throttled });
  }
  const { status, bytes } = answer;
  if (status < 200 || status >= 300) return refused(work, status, bytes);
  if (work.place.probe) return probed(pulling, work, readPage(bytes, pulling.subject, work.row.type));
  const single = work.row.type === "Patient" && work.place.searches[0] !== EVERYTHING;
  if (single) {
    const record = readSingle(bytes, pulling.subject, true);
    if (record?.type !== "Patient") return faulty(pulling, noted(work, "not_fhir"), {});
    return { work: ended(work, "whole"), records: [record], bytes: bytes.length };
  }
  const page = readPage(bytes, pulling.subject, work.place.searches[0] === EVERYTHING ? null : work.row.type);
  if (!page) return withoutBundle(pulling, work, bytes);
  return { ...turned(pulling, work, page, url), records: page.records, bytes: bytes.length };
}

/** After a page: on to the next one, or to the search's end. */
function turned(pulling: Pulling, work: TypeWork, page: Page, url: URL): Pick<Taken, "work"> {
  const { subject, context } = pulling;
  const failing = page.issues.some(isFailing);
  const foreign = page.records.filter(({ role }) => role === "foreign").length;
  const counted = noted(work, "warnings", page.issues.filter((one) => !isFailing(one)).length);
  const seen = noted(noted(counted, "quarantined", foreign), "unusable", page.unusable);
  if (failing && page.records.length === 0) {
    const narrower = narrowed(seen, page.issues);
    return { work: narrower ?? ended(noted(seen, "outcome_errors"), seen.place.pages > 0 ? "cut" : "failed") };
  }
  // What an error beside records says is missing; the pages after it are there all the same.
  const flawed = seen.place.flawed || failing;
  const place = { ...seen.place, pages: seen.place.pages + 1, tries: 0, not_before: 0, flawed };
  const on = { ...noted(seen, "outcome_errors", failing ? 1 : 0), place };
  if (page.next === null) return { work: ended(on, "whole") };
  const next = urlBelow(subject.base, page.next);
  if (!next) return { work: ended(noted(on, "next_elsewhere"), "cut") };
  if (place.pages >= MOST_PAGES) return { work: ended(noted(on, "too_many_pages"), "cut") };
  const marked = hash("sha256", next.href, "base64url").slice(0, 16);
  const back = page.previous !== null && urlBelow(subject.base, page.previous)?.href === next.href;
  // Where the pages go in a circle, all of them have been seen.
  if (next.href === url.href || back || marked === place.mark)
    return { work: ended(noted(on, "next_repeated"), "whole") };
  // Brent: a mark that moves on at each power of two meets a circle of any length, at any distance, within a few rounds.
  const mark = (place.pages & (place.pages - 1)) === 0 ? marked : place.mark;
  return { work: { ...on, place: { ...place, mark, next: page.next, next_at: context.clock() } } };
}

function withoutBundle(pulling: Pulling, work: TypeWork, bytes: Buffer): Taken {
  const issues = issuesOf(parseJson(bytes));
  const narrower = issues.length > 0 ? narrowed(work, issues) : null;
  if (narrower) return nothing(narrower);
  if (issues.length > 0 && !issues.some(isFailing)) return nothing(ended(noted(work, "warnings"), "whole"));
  return issues.length > 0
    ? nothing(ended(noted(work, "outcome_errors"), "failed"))
    : faulty(pulling, noted(work, "not_fhir"), {});
}

/** After an answer that is no success. */
function refused(work: TypeWork, status: number, bytes: Buffer): Taken {
  const { place, row } = work;
  const issues = issuesOf(parseJson(bytes));
  const counted = noted(work, `http_${status}`);
  if (place.probe) return nothing(withoutSince(counted));
  if (status === 401) return nothing(ended(counted, place.next === null ? "failed" : "cut"));
  if (status === 403) return nothing(ended(counted, "denied"));
  if (place.next !== null) {
    // The address of the next page has died.
    if (place.restarted) return nothing(ended(counted, "cut"));
    return nothing({ ...counted, place: { ...place, ...beginning(), restarted: true, renewed: place.renewed } });
  }
  if ([404, 405, 410, 501].includes(status)) {
    const worked = row.complete_at !== null || row.records > 0;
    return nothing(ended(counted, worked ? "denied" : "unsupported"));
  }
  const demand = demandOf(issues);
  const narrower = demand ? narrowed(counted, issues) : null;
  if (narrower && demand?.certain) return nothing(narrower);
  if (place.extras.length > 0) {
    return nothing({ ...counted, place: { ...place, extras: [], spared: place.extras } });
  }
  if (place.since !== null) return nothing(withoutSince(counted));
  if (narrower) return nothing(narrower);
  const unknown = issues.some(({ code }) => code === "not-supported");
  return nothing(ended(counted, unknown ? "unsupported" : "refused"));
}

/** The search taken apart by the parameter that the server demands; null where there is none to take it apart by. */
function narrowed(work: TypeWork, issues: readonly Issue[]): TypeWork | null {
  const demand = demandOf(issues);
  const search = work.place.searches[0] ?? "";
  const values = PATIENT_COMPARTMENT[work.row.type]?.values ?? {};
  const free = (Object.keys(values) as (keyof typeof values)[]).filter(
    (name) => !new URLSearchParams(search).has(name),
  );
  const name = demand && (demand.named.find((one) => free.includes(one)) ?? (demand.certain ? free[0] : undefined));
  if (!name) return null;
  const searches = (values[name] ?? []).map((value) => `${search === "" ? "" : `${search}&`}${name}=${value}`);
  return { ...noted(work, "narrowed"), place: searchReplaced(work.place, searches) };
}

/** After a fault: the same again after a pause, until the tries are used up. */
function faulty(
  { context }: Pulling,
  work: TypeWork,
  { lasting = false, patient = false }: { lasting?: boolean; patient?: boolean },
): Taken {
  const tries = work.place.tries + 1;
  if (lasting || (tries >= TRIES && !patient)) {
    if (work.place.probe) return nothing(withoutSince(work));
    return nothing(ended(work, work.place.pages > 0 ? "cut" : "failed"));
  }
  // Full jitter, so that those whom one outage refused do not come back together.
  const longest = tries >= TRIES ? LONG_PAUSE_MS : FIRST_PAUSE_MS * 2 ** (tries - 1);
  const not_before = context.clock() + Math.ceil(Math.random() * longest);
  return nothing({ ...work, place: { ...work.place, tries, not_before } });
}

/** After a search for what changes in the future: a server that finds something has not heeded the parameter. */
function probed(pulling: Pulling, work: TypeWork, page: Page | null): Taken {
  if (!page) return faulty(pulling, noted(work, "not_fhir"), {});
  const heeded = page.records.every(({ role }) => role !== "match") && !page.issues.some(isFailing);
  if (!heeded) return nothing(withoutSince(noted(work, "last_updated_ignored")));
  return nothing({
    ...work,
    row: { ...work.row, incremental: 1 },
    place: { ...work.place, ...beginning(), probe: false },
  });
}

/** All of it is asked for after all. */
function withoutSince(work: TypeWork): TypeWork {
  const place = { ...work.place, ...beginning(), since: null, probe: false };
  return { ...work, row: { ...work.row, incremental: 0 }, place };
}

function ended(work: TypeWork, end: keyof Ends): TypeWork {
  return { ...work, place: searchEnded(work.place, end) };
}

function nothing(work: TypeWork): Taken {
  return { work, records: [], bytes: 0 };
}

function noted(work: TypeWork, name: string, count = 1): TypeWork {
  return count === 0 ? work : { ...work, notes: { ...work.notes, [name]: (work.notes[name] ?? 0) + count } };
}

function freshened(work: TypeWork, now: number): TypeWork {
  const { place } = work;
  const { next, next_at, restarted, renewed } = place;
  // Once: at a server that asks for such a pause before each page, a search that always begins anew never ends.
  if (next === null || renewed || now - next_at <= NEXT_LASTS_MS) return work;
  return { ...work, place: { ...place, ...beginning(), restarted, renewed: true } };
}

function firstUrl({ connection, profile, subject, context }: Pulling, { row, place }: TypeWork): URL {
  const id = subject.fhir_patient_id;
  const search = place.searches[0] ?? "";
  const fromToken = Object.entries(profile.fhir.query_from_token).flatMap(([name, member]) => {
    const value = (JSON.parse(connection.extras ?? "{}") as Record<string, unknown>)[member];
    return value === undefined || value === null ? [] : [`${name}=${encodeURIComponent(String(value))}`];
  });
  const count = `_count=${place.probe ? 1 : profile.fhir.page_size}`;
  if (row.type === "Patient") {
    const [path, query] = search === EVERYTHING ? [`Patient/${id}/$everything`, [count]] : [`Patient/${id}`, []];
    return new URL([path, [...query, ...fromToken].join("&")].filter(Boolean).join("?"), subject.base);
  }
  const since = place.probe ? new Date(context.clock() + 365 * DAY_MS).toISOString() : place.since;
  const query = [
    `patient=${encodeURIComponent(id)}`,
    ...(search === "" ? [] : [search]),
    ...(place.probe ? [] : place.extras),
    ...(since === null ? [] : [`_lastUpdated=gt${since}`]),
    ...fromToken,
    count,
  ];
  return new URL(`${row.type}?${query.join("&")}`, subject.base);
}

/** Writes a step: all of it, or nothing. */
async function write(pulling: Pulling, { work, records, bytes }: Taken): Promise<TypeWork> {
  const { context, run } = pulling;
  const { row, place, notes } = work;
  const now = context.clock();
  const goesOn = place.searches.length > 0;
  const started_at = row.started_at ?? now;
  return context.db.transaction().execute(async (tx) => {
    await writePull(tx, run, {});
    const added = await keep(pulling, tx, records, 1);
    const own = added.get(row.type) ?? 0;
    added.delete(row.type);
    const written = await writePullType(tx, row, own, {
      state: goesOn ? "running" : stateOf(place, row.records + own),
      bytes: row.bytes + bytes,
      started_at,
      settled_at: goesOn ? null : now,
      incremental: row.incremental,
      place: goesOn ? JSON.stringify(place) : null,
      notes: JSON.stringify(notes),
      ...(!goesOn && isWhole(place) ? { complete_at: started_at, searches: JSON.stringify(place.done) } : {}),
    });
    await countCompanions(tx, row.connection_id, added, now);
    return { row: written, place, notes };
  });
}

/**
 * Stores records, and notes the documents and resources that they point to.
 *
 * @param hops how many references away what they refer to is
 * @returns how many were new, by type
 */
export async function keep(
  { context, connection, subject, form, known }: Pulling,
  tx: Tx,
  records: readonly PageRecord[],
  hops: number,
): Promise<Map<string, number>> {
  if (records.length === 0) return new Map();
  const now = context.clock();
  const owner = { connection_id: connection.id, patient_id: connection.patient_id };
  const { added } = await storeRecords(tx, owner, records, now, form);
  const rows: ReferenceFoundRow[] = [];
  const note = ({ type, fhir_id }: ResourceKey, state: "waiting" | "read"): void => {
    const name = `${type}/${fhir_id}`;
    if (known.read.has(name) || (state === "waiting" && known.noted.has(name))) return;
    if (state === "waiting" && known.noted.size >= MOST_REFERENCES) return;
    (state === "read" ? known.read : known.noted).add(name);
    rows.push({ connection_id: connection.id, type, fhir_id, hops, state, tries: 0 });
  };
  for (const record of records) if (REFERENCED_TYPES.has(record.type)) note(record, "read");
  const followed = hops > MOST_HOPS ? [] : records.filter(({ role }) => role !== "foreign");
  for (const { references } of followed) for (const key of references) note(key, "waiting");
  await noteReferences(tx, rows);
  await noteDocuments(context, tx, { ...owner, fhir_base_url: subject.base }, newestOfEach(records), now);
  return added;
}
