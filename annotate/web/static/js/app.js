// Comfort on every page; each page works without it.
import { confirmFirst } from "./app/confirm.js";
import { copyButtons } from "./app/copy.js";
import { watchJobs } from "./app/jobs.js";
import { forgetOnLogout } from "./app/logout.js";
import { filterTables } from "./app/tables.js";
import { themeSwitch } from "./app/theme.js";
import { sendWaiting } from "./app/waiting.js";

themeSwitch();
confirmFirst();
copyButtons();
filterTables();
watchJobs();
forgetOnLogout();
sendWaiting();
