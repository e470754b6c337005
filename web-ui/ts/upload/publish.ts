// POST /api/v1/resources: what the form says, with the uploads that belong to it.
import { stem } from "./format";
import type { Item } from "./queue";
import { refused, send } from "./transport";

type Body = Record<string, string | number | string[]>;

/** The body of one call; what was left empty is left out. */
export function describe(form: HTMLFormElement, uploads: string[], title: string): Body {
  const data = new FormData(form);
  const value = (name: string): string => String(data.get(name) ?? "").trim();
  const body: Body = { uploads, title };
  for (const name of ["subject", "kind", "description", "visibility", "license", "replaces", "note"]) {
    if (value(name)) body[name] = value(name);
  }
  const [stage, grade] = value("level").split(".");
  if (stage) body["stage"] = stage;
  if (grade) body["grade"] = Number(grade);
  const keywords = value("keywords").split(/[\s,\uFF0C\u3001]+/).filter(Boolean);
  if (keywords.length) body["keywords"] = keywords;
  return body;
}

/** Publishes and gives the ids of the new resources, in order. Files already published are not published twice. */
export async function publish(form: HTMLFormElement, items: Item[], together: boolean, published: Map<Item, string>): Promise<string[]> {
  const title = String(new FormData(form).get("title") ?? "").trim();
  const groups = together || items.length === 1 ? [items] : items.map((item) => [item]);
  for (const group of groups) {
    const first = group[0];
    if (!first || published.has(first)) continue;
    const name = groups.length === 1 ? title : stem(first.file.name);
    const body = JSON.stringify(describe(form, group.map((item) => item.upload), name));
    const answer = await send("POST", "/api/v1/resources", body, { "Content-Type": "application/json" });
    if (answer.status < 200 || answer.status > 299) throw refused(answer);
    published.set(first, firstId(answer.body));
  }
  return Array.from(published.values());
}

/** `{"resources": [{"id": …}]}`: uploads of one call become one resource. */
function firstId(body: Record<string, unknown>): string {
  const resources = body["resources"];
  const first: unknown = Array.isArray(resources) ? resources[0] : undefined;
  const id = typeof first === "object" && first !== null ? (first as Record<string, unknown>)["id"] : undefined;
  return typeof id === "string" ? id : "";
}
