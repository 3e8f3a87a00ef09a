import { type DriftSighting, driftText } from '../model/drift.js';
import type { IsUnknown, Shape } from '../resources/known-shapes.js';
import { DEFINITION_OF, isListed, type Kind, PARTS } from '../resources/registry.js';
import { isRecord, type UnreadPart } from '../resources/wire.js';

const LONGEST_PATH = 200;
const LONGEST_VALUE = 100;

function shapesOf(kind: Kind) {
  return (isListed(kind) ? DEFINITION_OF[kind] : PARTS[kind].part).shapes;
}

/** What of a detail does not read, as drift: each place of a list stands for the list. */
export function unreadableDrift(kind: Kind, unread: readonly UnreadPart[]): DriftSighting[] {
  const found = new Map<string, DriftSighting>();
  const item = shapesOf(kind).find(({ at }) => at === 'item');
  for (const { path, flaw } of unread) {
    const named = item && path.startsWith('item.') ? `${item.name}.${path.slice(5)}` : `${kind}.${path}`;
    const place = named.replace(/\.\d+(?=\.|$)|\[.*\]/g, '[]');
    const sighting = {
      ...{ kind: 'UNREADABLE' as const, path: shortened(place, LONGEST_PATH) },
      value: shortened(flaw, LONGEST_VALUE),
    };
    found.set(driftText(sighting), sighting);
  }
  return [...found.values()];
}

/** Unknown fields and unknown words of open lists, each once. Does not look below unknown fields. */
export function findDrift(kind: Kind, payload: unknown): DriftSighting[] {
  const search = new Search();
  for (const { name, shape, at } of shapesOf(kind)) {
    const received = at !== null && isRecord(payload) ? payload[at] : payload;
    search.look(received, shape, name);
  }
  return [...search.found.values()];
}

class Search {
  readonly found = new Map<string, DriftSighting>();

  look(value: unknown, shape: Shape, path: string): void {
    if (Array.isArray(value)) {
      for (const item of value) if (isRecord(item)) this.#lookInto(item, shape, `${path}[]`);
    } else if (isRecord(value)) this.#lookInto(value, shape, path);
  }

  #lookInto(value: Record<string, unknown>, shape: Shape, path: string): void {
    for (const name of Object.keys(value)) {
      const known = shape.get(name);
      if (known === null) continue;
      if (known === undefined) this.#add({ kind: 'FIELD', path: `${path}.${name}`, value: null });
      else if (typeof known === 'function') this.#lookAt(value[name], known, `${path}.${name}`);
      else this.look(value[name], known, `${path}.${name}`);
    }
  }

  #lookAt(word: unknown, isUnknown: IsUnknown, path: string): void {
    if (typeof word === 'string' && isUnknown(word)) this.#add({ kind: 'VALUE', path, value: word });
  }

  #add({ kind, path, value }: DriftSighting): void {
    const sighting = {
      ...{ kind, path: shortened(path, LONGEST_PATH) },
      value: value === null ? null : shortened(value, LONGEST_VALUE),
    };
    this.found.set(driftText(sighting), sighting);
  }
}

function shortened(text: string, longest: number): string {
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return short.replace(/\p{Surrogate}/gu, '\uFFFD');
}
