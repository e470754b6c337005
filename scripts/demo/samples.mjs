// The sample resources, added by the command line with what samples.json says of them.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SAMPLES = join(dirname(fileURLToPath(import.meta.url)), "../samples");

export const samples = () => JSON.parse(readFileSync(join(SAMPLES, "samples.json"), "utf8"));
export const story = () => JSON.parse(readFileSync(join(SAMPLES, "story/story.json"), "utf8"))[0];
export const samplePath = (name) => join(SAMPLES, "files", name);
export const storyPath = (name) => join(SAMPLES, "story", name);

/** Adds one sample resource; the files' bytes are given back. */
export async function addSample(node, sample) {
  const args = ["add", ...sample.files.map(samplePath)];
  for (const field of ["title", "subject", "stage", "kind", "description", "license", "visibility"]) args.push(`--${field}`, sample[field]);
  if (sample.grade) args.push("--grade", String(sample.grade));
  args.push("--keywords", sample.keywords.join(","));
  if (sample.files.length > 1) args.push("--together");
  const { resources } = await node.kapok(...args);
  return resources.flatMap(({ files }) => files).reduce((sum, { size }) => sum + size, 0);
}
