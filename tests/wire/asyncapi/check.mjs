// Exits 1 and says why when the AsyncAPI document of the first argument is not valid.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Parser } from "@asyncapi/parser";

const path = process.argv[2];
process.chdir(dirname(path));
const diagnostics = await new Parser().validate(readFileSync(path, "utf8"), { source: path });
const errors = diagnostics.filter((found) => found.severity === 0);
for (const error of errors) console.log(error.path.join("."), error.message);
process.exit(errors.length > 0 ? 1 : 0);
