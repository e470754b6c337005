// What the demonstration remembers between starts: its ports, and how far the first start came.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { FIRST_PORT, LAST_PORT, PLACES } from "./federation.mjs";

const NAME = "demo.json";

export function load(base) {
  const path = join(base, NAME);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}

export function save(base, state) {
  mkdirSync(base, { recursive: true });
  const path = join(base, NAME);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Ports for all nodes that nobody uses now. */
export async function choosePorts() {
  const free = [];
  for (let port = FIRST_PORT; port <= LAST_PORT && free.length < PLACES.length * 2; port += 1) {
    if (await isFree(port)) free.push(port);
  }
  if (free.length < PLACES.length * 2) throw new Error(`no ${PLACES.length * 2} free ports between ${FIRST_PORT} and ${LAST_PORT}`);
  return Object.fromEntries(PLACES.map(({ key }, place) => [key, { http: free[place], peers: free[PLACES.length + place] }]));
}

export async function isFree(port) {
  return (await listens(createServer(), (server) => server.listen(port, "127.0.0.1"))) && (await listens(createSocket("udp4"), (socket) => socket.bind(port, "127.0.0.1")));
}

function listens(server, begin) {
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.once("listening", () => server.close(() => resolve(true)));
    begin(server);
  });
}
