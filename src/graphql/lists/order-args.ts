import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { DEFAULT_ORDER, type FIELDS, type ListedKind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { PageArgs } from './page.js';

const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Direction of an order.', {
  ASC: 'Ascending: smallest or oldest first; records without a value come first.',
  DESC: 'Descending: largest or newest first; records without a value come last.',
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

/** Names of the fields that a kind can be ordered by. */
type OrderFieldOf<K extends ListedKind> = {
  [F in keyof Fields<K>]: Fields<K>[F] extends { order: true } ? F : never;
}[keyof Fields<K>];

export interface KindOrder {
  /** The input type, for `@Field`. */
  readonly type: object;
  readonly fields: readonly string[];
  /** The order to read in; the kind's own, newest first, when nothing is said. */
  readonly toOrder: (input: OrderInput | null | undefined) => Order;
}

/** Makes a kind's order input from its orderable fields: each with its name in the graph and a description. */
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
    description: `Fields that a list of ${noun} can be ordered by.`,
    valuesConfig,
  });

  @InputType(`${noun}Order`, {
    description:
      'The order of a list. Equal values are ordered by integration, then by Abnormal’s id, in the same direction.',
  })
  class Input {
    @Field(() => names, { description: 'The field to order by.' })
    field!: string;

    @Field(() => OrderDirection, {
      nullable: true,
      defaultValue: 'DESC',
      description: 'The direction. `null` means the default.',
    })
    direction?: 'ASC' | 'DESC' | null;
  }

  const byDefault: Order = { field: DEFAULT_ORDER[kind], descending: true };
  const toOrder = (input: OrderInput | null | undefined): Order =>
    input ? { field: input.field, descending: input.direction !== 'ASC' } : byDefault;
  return { type: Input, fields: entries.map(([field]) => field), toOrder };
}

const AS_OF =
  'Returns the graph as it was recorded at this instant (UTC), including everything below. Never asks Abnormal, so it cannot be combined with `maxAge`. Must not be in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.';
const MAX_AGE =
  'Maximum age of the answer in seconds; 0 always asks Abnormal. If the stored answer is older, the gateway asks Abnormal first and records the response. Default: `DEFAULT_MAX_AGE`.';
const STALE_IF_ERROR =
  'If Abnormal cannot answer: return what is recorded and mark it as stale (true), or fail with the reason (false).';

/** How fresh, or of when, an answer is to be. */
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
    description: 'Name of the integration that the record belongs to. Optional if there is only one.',
  })
  integration?: string | null;
}

@ArgsType()
export class ListArgs extends PageArgs implements ReadArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name. Default: all.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}
