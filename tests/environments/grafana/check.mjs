// Prints what TypeScript finds against Grafana's own types in each dashboard named on the command line, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import ts from "typescript";

const schema = path.dirname(createRequire(import.meta.url).resolve("@grafana/schema/package.json"));
const raw = path.join(schema, "dist", "esm", "raw", "composable");
const panels = { timeseries: "TimeSeries", heatmap: "Heatmap", stat: "Stat" };

// JSON has no enums: an enum of texts stands for its texts.
const head = `
import type { Dashboard, Panel } from "@grafana/schema";
${Object.entries(panels)
  .map(([kind, name]) => `import type * as ${name} from "${raw}/${kind}/panelcfg/x/${name}PanelCfg_types.gen";`)
  .join("\n")}
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Target = { refId: string; expr: string; legendFormat: string; editorMode: "code"; range: true; format: "time_series" | "heatmap" };
type Of<Options, Fields> = Omit<Plain<Panel<Options, Fields>>, "options" | "fieldConfig" | "targets"> & {
  type: string;
  options: Partial<Plain<Options>>;
  fieldConfig: { defaults: Omit<Plain<NonNullable<Panel["fieldConfig"]>["defaults"]>, "custom"> & { custom?: Partial<Plain<Fields>> }; overrides: [] };
  targets: Target[];
};
`;

function written(document) {
  const fields = { timeseries: "TimeSeries.FieldConfig", heatmap: "Heatmap.FieldConfig", stat: "{}" };
  const { panels: mine, ...rest } = document;
  const checks = mine.map((panel, place) => {
    const name = panels[panel.type];
    return `const panel${place}: Of<${name}.Options, ${fields[panel.type]}> = ${JSON.stringify(panel, null, 1)};`;
  });
  return `${head}const dashboard: Plain<Omit<Dashboard, "panels">> = ${JSON.stringify(rest, null, 1)};\n${checks.join("\n")}\n`;
}

const options = { strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
const texts = new Map(
  process.argv.slice(2).map((file, place) => [path.resolve(`dashboard${place}.ts`), written(JSON.parse(readFileSync(file, "utf8")))]),
);
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
host.fileExists = (name) => texts.has(name) || fileExists(name);
host.readFile = (name) => texts.get(name) ?? readFile(name);
host.getSourceFile = (name, ...rest) =>
  texts.has(name) ? ts.createSourceFile(name, texts.get(name), ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
const found = ts.getPreEmitDiagnostics(ts.createProgram([...texts.keys()], options, host));
const told = found.map(({ file, start, messageText }) => {
  const text = file && start !== undefined ? file.text.slice(start, start + 60) : "";
  return { near: text, message: ts.flattenDiagnosticMessageText(messageText, "\n") };
});
console.log(JSON.stringify(told));
