import 'reflect-metadata';
import {
  getIntrospectionQuery,
  getNamedType,
  graphqlSync,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { campaignList } from '../../src/graphql/campaign/campaign.type.js';
import { caseList } from '../../src/graphql/case/case.type.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { threatList } from '../../src/graphql/threat/threat.type.js';
import { DEFINITION_OF, FIELDS } from '../../src/resources/registry.js';

const schema = buildGatewaySchema();

/** Everything in the schema that can be described, with what is said of it. */
function describables(): [name: string, description: string][] {
  const found: [string, string | null | undefined][] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    found.push([type.name, type.description]);
    if (isEnumType(type)) {
      for (const value of type.getValues()) found.push([`${type.name}.${value.name}`, value.description]);
    }
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields()))
        found.push([`${type.name}.${field.name}`, field.description]);
    }
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        found.push([`${type.name}.${field.name}`, field.description]);
        for (const arg of field.args)
          found.push([`${type.name}.${field.name}(${arg.name})`, arg.description]);
      }
    }
  }
  return found.map(([name, description]) => [name, description ?? '']);
}

test('every type, field, argument, value and input has a description', () => {
  const all = describables();
  expect(all.length).toBeGreaterThan(400);
  expect(all.filter(([, description]) => description.trim().length < 4).map(([name]) => name)).toEqual([]);
});

test('introspection returns the complete schema', () => {
  const { data, errors } = graphqlSync({ schema, source: getIntrospectionQuery() });
  expect(errors).toBeUndefined();
  const types = (data as { __schema: { types: { name: string }[] } }).__schema.types.map(({ name }) => name);
  expect(types).toEqual(
    expect.arrayContaining(['Case', 'Threat', 'Campaign', 'Revision', 'Coverage', 'Node', 'Record']),
  );
});

test('each server has its own schema', () => {
  expect(buildGatewaySchema().getType('Case')).not.toBe(schema.getType('Case'));
});

describe('filters and orders', () => {
  const COMPARED_BY: Record<string, RegExp> = {
    text: /^(TextFilter|\w+Filter)$/,
    texts: /^(TextFilter|\w+Filter)$/,
    instant: /^DateTimeFilter$/,
    number: /^IntFilter$/,
    boolean: /^BooleanFilter$/,
  };

  test.each([
    ['case', 'CaseFilter', caseList.filter, caseList.order],
    ['threat', 'ThreatFilter', threatList.filter, threatList.order],
    ['campaign', 'CampaignFilter', campaignList.filter, campaignList.order],
  ] as const)(
    'of a %s are those of the model, each compared by its type',
    (kind, typeName, filter, order) => {
      const { facets } = DEFINITION_OF[kind];
      const specs = Object.entries<{ type: string; order?: true }>({ ...FIELDS[kind], ...facets?.fields });
      const input = schema.getType(typeName);
      if (!isInputObjectType(input)) throw new Error(`${typeName} is no input`);
      const own = filter.fields.filter(({ items }) => !items);
      const shown = own.map(({ field }) => field);
      const rankOnly = kind === 'case' ? ['severityRank'] : [];
      expect([...shown, ...rankOnly].sort()).toEqual(specs.map(([field]) => field).sort());
      for (const { field, name } of own) {
        const type = specs.find(([spec]) => spec === field)?.[1].type ?? '';
        expect(String(input.getFields()[name]?.type)).toMatch(COMPARED_BY[type] ?? /never/);
      }
      const ordered = specs.filter(([, spec]) => spec.order).map(([field]) => field);
      expect([...order.fields].sort()).toEqual(ordered.sort());
    },
  );

  /** Filters by something that is no field: a flag that is computed from others, or the field of a value. */
  const WITHOUT_FIELD: Readonly<Record<string, readonly string[]>> = {
    Threat: ['remediationState', 'unremediated'],
    Campaign: ['scanning'],
    Detection360Report: ['open'],
  };

  const RECORD_TYPES = Object.fromEntries(
    Object.values(DEFINITION_OF).map(({ graphType, kind }) => [graphType, kind]),
  );

  test.each([...Object.keys(RECORD_TYPES), 'Message'])(
    'of a %s have the names of fields of the record or of its parts',
    (graphType) => {
      const named = new Set(fieldNames(graphType, 3));
      const filters = Object.entries(inputFields(`${graphType}Filter`)).flatMap(
        ([name, { deprecationReason }]) =>
          deprecationReason == null && !['and', 'or', 'not'].includes(name) ? [name] : [],
      );
      const orders = schema.getType(`${graphType}OrderField`);
      if (!isEnumType(orders)) throw new Error(`${graphType} has no order`);
      const ordered = orders
        .getValues()
        .map(({ name }) => name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()));
      const unnamed = [...filters, ...ordered].filter((name) => !named.has(name));
      expect(unnamed.sort()).toEqual(WITHOUT_FIELD[graphType] ?? []);
    },
  );

  function inputFields(name: string) {
    const type = schema.getType(name);
    if (!isInputObjectType(type)) throw new Error(`${name} is no input`);
    return type.getFields();
  }

  /** The names of the fields of a type, and of the types below it that are not other records. */
  function fieldNames(name: string, levels: number): string[] {
    const type = schema.getType(name);
    const isOther = /(?<!Message)Connection$/.test(name) || (levels < 3 && name in RECORD_TYPES);
    if (!isObjectType(type) || levels === 0 || isOther) return [];
    return Object.values(type.getFields()).flatMap((field) => [
      field.name,
      ...fieldNames(getNamedType(field.type).name, levels - 1),
    ]);
  }
});
