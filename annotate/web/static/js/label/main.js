// Entry of the labelling page.
import { must } from "../lib/dom.js";
import { LabelPage } from "./page.js";

const page = new LabelPage(must("[data-round-id]"));
if (document.getElementById("stage-changes")) void import("./changes.js").then(({ changesRead }) => changesRead(page.api)).then(() => page.start());
else void page.start();
