/** What a screen reader is given of a page, as text: Chromium's own accessibility tree, a line for each node that says something. */
import type { Page } from "playwright-core";

interface Value {
  value?: unknown;
}

interface Node {
  nodeId: string;
  parentId?: string;
  childIds?: string[];
  ignored: boolean;
  role?: Value;
  name?: Value;
  value?: Value;
  description?: Value;
  properties?: { name: string; value: Value }[];
}

/** Properties that a screen reader says, where they are not as usual. */
const SAID = ["focused", "expanded", "selected", "disabled", "readonly", "invalid", "level", "live", "hasPopup"];
const SILENT = new Set<unknown>([undefined, false, "false", ""]);
/** Boxes without meaning, and the text of what is named by it already. */
const PASSED_OVER = new Set(["generic", "none", "InlineTextBox", "LineBreak"]);

/** The tree below the page's main landmark; live regions are told without their passing text. */
export async function accessibilityTree(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = (await session.send("Accessibility.getFullAXTree")) as unknown as { nodes: Node[] };
  await session.detach();
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const main = nodes.find(({ role }) => role?.value === "main");
  if (!main) throw new Error("the page has no main landmark");
  return `${linesOf(main, byId, 0, "").join("\n")}\n`;
}

function linesOf(node: Node, byId: Map<string, Node>, depth: number, above: string): string[] {
  const role = String(node.role?.value ?? "");
  const name = String(node.name?.value ?? "").trim();
  const children = (node.childIds ?? []).flatMap((id) => byId.get(id) ?? []);
  const below = (at: number, said: string): string[] => children.flatMap((child) => linesOf(child, byId, at, said));
  if (role === "StaticText") return above.includes(name) ? [] : [`${"  ".repeat(depth)}"${name}"`];
  if (node.ignored || PASSED_OVER.has(role)) return below(depth, above);
  const line = `${"  ".repeat(depth)}${[role, name && `"${name}"`, ...said(node)].filter(Boolean).join(" ")}`;
  return [line, ...(role === "status" ? [] : below(depth + 1, name))];
}

function said({ value, description, properties = [] }: Node): string[] {
  const known = new Map(properties.map((one) => [one.name, one.value.value]));
  const words = SAID.filter((name) => !SILENT.has(known.get(name))).map((name) => {
    const what = known.get(name);
    return what === true ? name : `${name}=${what}`;
  });
  const expanded = known.get("expanded") === false ? ["collapsed"] : [];
  return [
    ...(value?.value ? [`value="${value.value}"`] : []),
    ...expanded,
    ...words,
    ...(description?.value ? [`described by "${description.value}"`] : []),
  ];
}
