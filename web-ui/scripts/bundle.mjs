// Bundles the pages' styles, script and icons into dist/, which the crate embeds.
//
// ES2020 and Chromium 80 are the floor: esbuild lowers syntax to it, tests/bundle.rs checks what it does not lower.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });

await build({
  // The page of uploading is the only one that needs its script.
  entryPoints: { app: "ts/app.ts", upload: "ts/upload/main.ts" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2020", "chrome80"],
  legalComments: "none",
});

await build({
  entryPoints: { app: "styles/app.css" },
  outdir: "dist",
  bundle: true,
  minify: true,
  target: ["chrome80"],
  // The node serves it beside the styles.
  external: ["/assets/*"],
});

// One sprite; comments and line breaks are for its readers only.
const sprite = await readFile("icons/icons.svg", "utf8");
await writeFile("dist/icons.svg", sprite.replace(/<!--[\s\S]*?-->/g, "").replace(/\s*\n\s*/g, ""));
for (const name of ["mark.svg", "down.svg"]) await cp(`icons/${name}`, `dist/${name}`);

// The licence of what is bundled travels with it.
await cp("node_modules/htmx.org/LICENSE", "dist/htmx-license.txt");
