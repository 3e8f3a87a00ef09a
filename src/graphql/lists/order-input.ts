import { Field, InputType, registerEnumType } from 'type-graphql';
import { DEFAULT_ORDER, type FIELDS } from '../../resources/definition.js';
import type { ListedKind } from '../../resources/kind.js';
import { describedEnum } from '../base/described-enum.js';

export const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Which end comes first.', {
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

/** Names of the fields that a kind can be ordered by. */
export type OrderFieldOf<K extends ListedKind> = {
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
