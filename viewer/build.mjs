// Build the page of `scenegen view` into the Python package, from where it is served. The same sources give the same bytes.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "../generator/scenegen/steps/viewer/page");
const common = {
  bundle: true,
  minify: true,
  target: ["es2022"],
  charset: "utf8",
  logLevel: "warning",
  legalComments: "none",
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({ ...common, entryPoints: [join(here, "src/main.ts")], outfile: join(out, "viewer.js"), format: "esm" });
await build({
  ...common,
  entryPoints: [join(here, "src/style.css")],
  outfile: join(out, "viewer.css"),
  loader: { ".woff2": "file" },
  assetNames: "[name]",
});
const inlined = await build({
  ...common,
  entryPoints: [join(here, "src/style.css")],
  write: false,
  loader: { ".woff2": "dataurl" },
});

const page = await readFile(join(here, "src/index.html"), "utf8");
await writeFile(join(out, "index.html"), page);
const script = (await readFile(join(out, "viewer.js"), "utf8")).replaceAll("</script", "<\\/script");
const tags = [
  ['<link rel="stylesheet" href="viewer.css">', `<style>${inlined.outputFiles[0].text}</style>`],
  ['<script type="module" src="viewer.js"></script>', ""],
  [
    "</body>",
    `<script type="application/json" id="embedded">null</script>\n<script type="module">${script}</script>\n</body>`,
  ],
];
let single = page;
for (const [from, to] of tags) {
  if (!single.includes(from)) throw new Error(`src/index.html lacks ${from}`);
  single = single.replace(from, () => to);
}
await writeFile(join(out, "export.html"), single);
await writeFile(
  join(out, "inter-OFL.txt"),
  await readFile(join(here, "node_modules/@fontsource-variable/inter/LICENSE")),
);
