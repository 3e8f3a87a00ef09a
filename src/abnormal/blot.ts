/** Takes a token out of text. */
export interface Blot {
  /** For what people get to see: every trace goes, that of a text cut off in the middle of the token too. */
  text(text: string): string;
  /** For data that is to be decoded: a token too short to be one is let be, lest it garble ordinary words. */
  data(text: string): string;
}

const STAND_IN = '[token]';
const SHORTEST_REAL_TOKEN = 16;
const SHORTEST_TRACE = 6;

/** A blot for `token`, as it is and as JSON and URLs write it. */
export function createBlot(token: string): Blot {
  const forms = [...new Set([token, token.replaceAll('/', '\\/'), encodeURIComponent(token)])].filter(
    Boolean,
  );
  const whole = (text: string) => forms.reduce((rest, form) => rest.replaceAll(form, STAND_IN), text);
  return {
    text: (text) => forms.reduce(blotCutOff, whole(text)),
    data: (text) => (token.length >= SHORTEST_REAL_TOKEN ? whole(text) : text),
  };
}

function blotCutOff(text: string, form: string): string {
  for (let length = form.length - 1; length >= SHORTEST_TRACE; length -= 1) {
    if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + STAND_IN;
  }
  return text;
}
