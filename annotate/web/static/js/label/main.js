// Entry of the labelling page.
import { must } from "../lib/dom.js";
import { LabelPage } from "./page.js";

void new LabelPage(must("[data-round-id]")).start();
