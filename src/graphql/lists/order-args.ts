import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { DEFAULT_ORDER, type FIELDS, type ListedKind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { PageArgs } from './page.js';

const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Which end comes first.', {
  ASC: 'Smallest or oldest first; those without a value before all others.',
  DESC: 'Largest or newest first; those without a value after all others.',
});

export interface OrderInput {
  readonly field: string;
  readonly direction?: 'ASC' | 'DESC' | null;
}

export interface Order {
  readonly field: string;
  readonly descending: boolean;
}

type Fields<K extends ListedKind> = (typeof FIELDS)[K];

type OrderFieldOf<K extends ListedKind> = {
  [F in keyof Fields<K>]: Fields<K>[F] extends { order: true } ? F : never;
}[keyof Fields<K>];

export interface KindOrder {
  /** The input type, for `@Field`. */
  readonly type: object;
  readonly fields: readonly string[];
  /** The order to read in; by default the kind's own, newest first. */
  readonly toOrder: (input: OrderInput | null | undefined) => Order;
}

/** Makes a kind's order input from its orderable fields, each with its name in the graph and a description. */
export function orderOf<K extends ListedKind>(
  kind: K,
  noun: string,
  fields: Readonly<Record<OrderFieldOf<K> & string, { readonly name: string; readonly description: string }>>,
): KindOrder {
  const entries = Object.entries<{ name: string; description: string }>(fields);
  const names = Object.fromEntries(entries.map(([field, { name }]) => [name, field]));
  const valuesConfig = Object.fromEntries(
    entries.map(([, { name, description }]) => [name, { description }]),
  );
  registerEnumType(names, {
    name: `${noun}OrderField`,
    description: `What a list of ${noun} can be ordered by.`,
    valuesConfig,
  });

  @InputType(`${noun}Order`, {
    description: 'The order of a list. Ties go by integration, then by Abnormal’s id, in the same direction.',
  })
  class Input {
    @Field(() => names, { description: 'What to order by.' })
    field!: string;

    @Field(() => OrderDirection, {
      nullable: true,
      defaultValue: 'DESC',
      description: 'Which end comes first. `null` means the default.',
    })
    direction?: 'ASC' | 'DESC' | null;
  }

  const byDefault: Order = { field: DEFAULT_ORDER[kind], descending: true };
  const toOrder = (input: OrderInput | null | undefined): Order =>
    input ? { field: input.field, descending: input.direction !== 'ASC' } : byDefault;
  return { type: Input, fields: entries.map(([field]) => field), toOrder };
}

const AS_OF =
  'The graph as it was recorded at this instant, everything below included. Never asks Abnormal, so it goes without `maxAge`; not in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.';
const MAX_AGE =
  'How old the answer may be, in seconds; 0 asks Abnormal in any case. Older than this, Abnormal is asked first and what it says is recorded. The default is the gateway’s own (`DEFAULT_MAX_AGE`).';
const STALE_IF_ERROR =
  'What to do when Abnormal cannot answer: give what is recorded and say that it is stale (true), or fail with the reason (false).';

/** How fresh an answer must be, or of which instant. */
export interface ReadArgs {
  readonly asOf?: Instant | null;
  readonly maxAge?: number | null;
  readonly staleIfError?: boolean | null;
}

@ArgsType()
export class NodeArgs implements ReadArgs {
  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}

@ArgsType()
export class RecordArgs extends NodeArgs {
  @Field(() => ID, {
    nullable: true,
    description: 'The integration that it belongs to, by name; need not be said where there is only one.',
  })
  integration?: string | null;
}

@ArgsType()
export class ListArgs extends PageArgs implements ReadArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name; all when nothing is said.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}
