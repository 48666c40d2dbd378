// Runs the pure modules of the labelling page on cases from standard input; writes what they say.
import { lacks, stepsOf, submissionOf, withoutStale } from "../../annotate/web/static/js/label/answers.js";
import { sliceCodePoints, toCodePoint, toUnit } from "../../annotate/web/static/js/label/codepoints.js";
import { standings } from "../../annotate/web/static/js/label/conditions.js";
import { cut } from "../../annotate/web/static/js/label/invisibles.js";
import { judgedTurn, pieces, turnsOf } from "../../annotate/web/static/js/label/item.js";
import { moved, placed, rankOf, takenBack, unranked } from "../../annotate/web/static/js/label/ranking.js";
import { readRubric } from "../../annotate/web/static/js/label/rubric.js";
import { uuid7 } from "../../annotate/web/static/js/label/uuid7.js";
import { mediumOf, severityOf } from "../../annotate/web/static/js/label/wellbeing.js";

const WORDS = { yes: "Yes", no: "No" };

const tasks = {
  conditions: ({ rubric, cases }) => {
    const read = readRubric(rubric, WORDS);
    return cases.map((answers) => [...standings(read.questions, withoutStale(read, answers))]);
  },
  submissions: ({ rubric, cases }) => {
    const read = readRubric(rubric, WORDS);
    return cases.map((answers) => ({
      sent: submissionOf(read, answers),
      lacks: lacks(read, answers).map(({ step, lack }) => [step.question.id, step.category, lack]),
      steps: stepsOf(read, answers).map(({ key }) => key),
    }));
  },
  codepoints: ({ cases }) => cases.map(({ text, start, end }) => ({
    slice: sliceCodePoints(text, start, end), back: [toCodePoint(text, toUnit(text, start)), toCodePoint(text, toUnit(text, end))],
  })),
  pieces: ({ cases }) => cases.map(({ text, spans }) => pieces(text, spans.map((span) => ({ span, tag: "" }))).map((piece) => [piece.text, piece.marks.length])),
  turns: ({ cases }) => cases.map((body) => {
    const turns = turnsOf({ body });
    return { targets: turns.map(({ target }) => target), prompt: judgedTurn(turns, "prompt")?.target ?? null, response: judgedTurn(turns, "response")?.target ?? null };
  }),
  rankings: ({ cases }) => cases.map(({ ids, acts }) => acts.reduce((seen, [act, id, by]) => {
    const before = seen.at(-1)?.ranks ?? [];
    const ranks = { place: () => placed(before, id, by), back: () => takenBack(before), move: () => moved(before, id, by) }[act]();
    return [...seen, { ranks, left: unranked({ options: ids.map((one) => ({ id: one })) }, { value: ranks }), numbers: ids.map((one) => rankOf(ranks, one)) }];
  }, [])),
  invisibles: ({ cases }) => cases.map((text) => cut(text)),
  severities: ({ rubric, cases }) => cases.map((answers) => severityOf(readRubric(rubric, WORDS), answers)),
  media: ({ body, parts }) => parts.map((part) => mediumOf({ body }, part)),
  uuid7: ({ count, now }) => Array.from({ length: count }, () => uuid7(now)),
};

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { task, ...given } = JSON.parse(input);
process.stdout.write(JSON.stringify(tasks[task](given)));
