// Runs the keymap on cases from standard input; writes what it says.
import { ACTIONS, capOfChord, chordOf, clashOf, keymapOf, putKeys } from "../../annotate/web/static/js/label/keymap.js";
import { found, partsOf, wordsOf } from "../../annotate/web/static/js/label/guidelines.js";

const said = (keymap) => ({
  chords: Object.fromEntries(keymap.chords),
  options: Object.fromEntries([...keymap.options].map(([question, keys]) => [question, Object.fromEntries(keys)])),
});

const tasks = {
  actions: () => ACTIONS,
  keymaps: ({ cases }) => cases.map(({ rubric, personal }) => {
    const first = said(keymapOf(rubric, personal));
    putKeys(rubric, keymapOf(rubric, personal));
    return { ...first, again: said(keymapOf(rubric, personal)) };
  }),
  clashes: ({ cases }) => cases.map(({ rubric, personal, wish, chord }) => clashOf(rubric, keymapOf(rubric, personal), wish, chord)),
  chords: ({ cases }) => cases.map((event) => [chordOf(event), capOfChord(chordOf(event))]),
  search: ({ rubric, cases }) => cases.map(({ query, category }) => found(partsOf(rubric), wordsOf(query), category).map(({ category: of, clause, kind }) => [of, clause, kind])),
};

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { task, ...given } = JSON.parse(input);
process.stdout.write(JSON.stringify(tasks[task](given)));
