// The demonstration federation: starts the seven nodes, makes and joins them at the first start, fills them with samples,
// plays the story, and stays until Ctrl-C.
//
// Every step of the first start is remembered when it is done, so that a start that was broken off is taken up.
import { existsSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PASSWORD, PLACES, TIERS } from "./federation.mjs";
import { Node, Refused } from "./node.mjs";
import { addSample, samples } from "./samples.mjs";
import { choosePorts, load, save } from "./state.mjs";
import { play, round } from "./story.mjs";
import { say, seconds, size, table, timed } from "./words.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const began = performance.now();

const options = parseArgs({
  options: {
    fresh: { type: "boolean", default: false },
    story: { type: "boolean", default: false },
    "home-base": { type: "string", default: join(ROOT, ".run") },
    "stop-after-story": { type: "boolean", default: false },
  },
}).values;
const base = resolve(options["home-base"]);

let nodes = {};
let stopping = null;
const inOrder = () => PLACES.map(({ key }) => nodes[key]).filter(Boolean);

/** From the leaves up, so that nobody tries to reach a parent that has gone. */
function stopAll() {
  stopping ??= (async () => {
    for (const node of inOrder().reverse()) await node.stop();
  })();
  return stopping;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, async () => {
    if (stopping) return;
    say("\n正在按顺序停下……");
    await stopAll();
    say(`都停了。数据在 ${base}，再运行 scripts/run 接着用。`);
    process.exit(0);
  });
}

try {
  await main();
} catch (error) {
  if (!stopping) {
    process.stderr.write(`error: ${error instanceof Refused ? error.message : (error.stack ?? error)}\n`);
    process.stderr.write(`  日志在 ${base}/*.log；从头再来: scripts/run --fresh\n`);
    await stopAll();
    process.exit(1);
  }
}

async function main() {
  if (options.fresh && existsSync(base)) {
    // Nothing but what this program made is deleted.
    if (!load(base)) throw new Refused(`${base} 不是演示用的文件夹 (没有 demo.json)，没有删`);
    rmSync(base, { recursive: true });
    say(`从头开始：删掉了 ${base}`);
  }
  const state = load(base) ?? { ports: await choosePorts(), setUp: {}, joined: {}, added: {}, subscribed: {}, story: false };
  save(base, state);
  nodes = Object.fromEntries(PLACES.map((place) => [place.key, new Node(place, base, state.ports[place.key])]));

  const isFirst = !state.story;
  say(isFirst ? `\n第一次启动：七个节点，数据放在 ${base}` : "\n接着上次的：七个节点");
  await startAll(state);
  if (isFirst) {
    await joinAll(state);
    await fill(state);
    await hold(state);
    await exchange();
  }
  if (isFirst || options.story) {
    await play(nodes, base, PASSWORD);
    state.story = true;
    save(base, state);
  }
  await show();
  if (options["stop-after-story"]) {
    await stopAll();
    return;
  }
  await watch();
}

async function startAll(state) {
  for (const node of inOrder()) {
    if (!node.exists) {
      state.setUp[node.place.key] = { code: await node.init(), done: false };
      save(base, state);
    }
  }
  await timed("七个进程启动", async () => {
    await Promise.all(inOrder().map((node) => node.start()));
    return { said: `pid ${inOrder().map((node) => node.process.pid).join(" ")}` };
  });
  for (const node of inOrder()) {
    const setUp = state.setUp[node.place.key];
    if (setUp.done) continue;
    await node.setUp(setUp.code, PASSWORD);
    state.setUp[node.place.key] = { done: true };
    save(base, state);
  }
}

async function joinAll(state) {
  for (const node of inOrder()) {
    const { key, parent, tier, name, region } = node.place;
    if (!parent || state.joined[key]) continue;
    await timed(`${name}加入`, async () => {
      const { code } = await nodes[parent].kapok("invite", "--tier", tier, "--name", name, "--region", region);
      await node.kapok("join", code);
      return { said: `凭${nodes[parent].place.name}的邀请码` };
    });
    state.joined[key] = true;
    save(base, state);
  }
}

async function fill(state) {
  const all = samples();
  for (const node of inOrder()) {
    const { key, name } = node.place;
    const own = all.filter((sample) => sample.node === key);
    state.added[key] ??= 0;
    if (state.added[key] >= own.length) continue;
    await timed(`${name}放入自己的资源`, async () => {
      let bytes = 0;
      const left = own.slice(state.added[key]);
      for (const sample of left) {
        bytes += await addSample(node, sample);
        state.added[key] += 1;
        save(base, state);
      }
      return { said: `${left.length} 份，${size(bytes)}` };
    });
  }
}

async function hold(state) {
  for (const node of inOrder()) {
    const { key, holds } = node.place;
    if (state.subscribed[key]) continue;
    const args = holds.all ? ["--all"] : [];
    for (const field of ["subject", "stage"]) for (const value of holds[field] ?? []) args.push(`--${field}`, value);
    if (holds.maxSize) args.push("--max-size", String(holds.maxSize));
    await node.kapok("subscribe", ...args);
    state.subscribed[key] = true;
    save(base, state);
  }
}

/** Up the tree and down again: after that everybody knows of everything. */
async function exchange() {
  await timed("上下各同步一遍", async () => {
    const up = inOrder().reverse().map((node) => () => node.sync());
    const down = inOrder().map((node) => () => node.sync());
    let moved = { peers: [], pending: { blobs: 0 } };
    for (const step of [...up, ...down]) moved = { peers: moved.peers.concat((await step()).peers), pending: { blobs: 0 } };
    return { said: round(moved) };
  });
}

async function show() {
  const rows = [["节点", "级别", "网址", "用户名", "密码"]];
  for (const { place, url } of inOrder()) rows.push([place.name, TIERS[place.tier], url, place.account, PASSWORD]);
  const { hewan, qinggangya, yanbian } = nodes;
  say(`\n${table(rows)}\n`);
  say("可以试试：");
  say(`  1. 打开 ${qinggangya.url}/search?q=${encodeURIComponent("平行四边形")} ，教学点搜到全市的资源；登录后取一份还没有的`);
  say(`  2. 在 ${hewan.url}/upload 登录，传一个自己的课件，再看 ${yanbian.url}/ 同步后多了什么`);
  say(`  3. 在 ${nodes.city.url}/federation 登录，看联盟的树；拔掉一个: kill ${nodes.miyi.process.pid} ，其余照常搜`);
  say(`\n命令行：${process.env.KAPOK_BIN} --home ${qinggangya.home} search 平行四边形`);
  say(`启动用了 ${seconds(performance.now() - began)}。Ctrl-C 停下全部节点。`);
}

/** Stays until all are stopped; says when one ends by itself. */
async function watch() {
  const ends = inOrder().map(async (node) => {
    const code = await node.ended;
    if (!stopping) say(`${node.place.name} (pid ${node.process.pid}) 停了 (${code})；其余照常。日志 ${node.logPath}`);
  });
  await Promise.all(ends);
  await stopping;
}
