// The story, once, with figures: a teacher uploads a lesson plan at a school in one county; the rounds carry the news up
// and across; the teaching point in the other county finds it by a phrase that stands in its text alone, fetches it, and
// what arrives is what was sent.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { story, storyPath } from "./samples.mjs";
import { say, size, timed } from "./words.mjs";
import { Refused } from "./node.mjs";

const PHRASE = "屋檐下晒着一小串去年的春天";
/** As the upload page sends it. */
const PIECE_BYTES = 4 * 1024 * 1024;

export async function play(nodes, base, password) {
  const { hewan, miyi, city, yanbian, yunshanping, qinggangya } = nodes;
  const described = story();
  const file = storyPath(described.files[0]);
  say(`\n故事：${hewan.place.account}在${hewan.place.name}上传《木棉花开的时候》教学设计，${qinggangya.place.name}找到并取来`);

  const added = await timed(`${hewan.place.name}上传、发布`, async () => {
    const resource = await upload(hewan, described, file, password);
    return { ...resource, said: size(resource.files[0].size) };
  });
  for (const node of [miyi, city, yanbian, yunshanping, qinggangya]) {
    await timed(`${node.place.name}同步`, async () => ({ said: round(await node.sync()) }));
  }
  await timed(`${qinggangya.place.name}搜正文里的一句`, async () => {
    const found = await qinggangya.kapok("search", PHRASE);
    const hit = found.hits.find(({ resource }) => resource === added.id);
    if (!hit) throw new Refused(`${qinggangya.place.name}没有搜到“${PHRASE}”`);
    return { said: `“${PHRASE}” → ${hit.title}${hit.held ? "" : "（这里还没有，可取到）"}` };
  });
  const out = join(base, "story");
  mkdirSync(out, { recursive: true });
  const got = await timed(`${qinggangya.place.name}取来`, async () => {
    const { files } = await qinggangya.kapok("get", added.id, "--out", out);
    return { file: files[0], said: `${size(files[0].size)} → ${files[0].path}` };
  });
  await timed("核对：取来的就是传上去的", async () => {
    const same = Buffer.compare(readFileSync(file), readFileSync(got.file.path)) === 0;
    if (!same || got.file.blob !== added.files[0].blob) throw new Refused("取来的文件和传上去的不一样");
    return { said: `BLAKE3 ${got.file.blob.slice(0, 16)}…，逐字节相同` };
  });
}

/** What one round moved. */
export function round({ peers, pending }) {
  const sum = (field) => peers.reduce((all, peer) => all + peer[field], 0);
  const left = pending.blobs ? `，还差 ${pending.blobs} 个文件` : "";
  return `${sum("entries_in")} 条记录、${sum("blobs_in")} 个文件进来，收 ${size(sum("bytes_in"))}，发 ${size(sum("bytes_out"))}${left}`;
}

async function upload(node, described, path, password) {
  if (!node.session) await node.signIn(password);
  const bytes = readFileSync(path);
  const { document: begun } = await node.ask("POST", "/api/v1/uploads", { name: described.files[0], size: bytes.length });
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
    const piece = bytes.subarray(offset, offset + PIECE_BYTES);
    await node.ask("PATCH", `/api/v1/uploads/${begun.id}`, piece, { "upload-offset": String(offset), "content-type": "application/offset+octet-stream" });
  }
  const { title, subject, stage, grade, kind, keywords, description, license, visibility } = described;
  const body = { uploads: [begun.id], title, subject, stage, grade, kind, keywords, description, license, visibility };
  const { document } = await node.ask("POST", "/api/v1/resources", body);
  return document.resources[0];
}
