import { type FieldNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';

/** All that is asked for under one name in one place, which is answered as one field. */
export interface AskedField {
  /** Its name in the answer. */
  readonly key: string;
  readonly name: string;
  /** The type that it is a field of, as far as the query says. */
  readonly type: string;
  readonly nodes: readonly FieldNode[];
}

/** Puts fragments in place: the fields of selections on a type, those with one name together. */
export function fieldsOf(
  selections: readonly SelectionSetNode[],
  type: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): AskedField[] {
  const found = new Map<string, AskedField & { nodes: FieldNode[] }>();
  const put = new Set<string>();
  const take = (selectionSet: SelectionSetNode, on: string): void => {
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) add(selection, on);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        take(selection.selectionSet, selection.typeCondition?.name.value ?? on);
      } else {
        const name = selection.name.value;
        const fragment = fragments.get(name);
        // once in a place is as good as twice, and a fragment may lead back to itself
        if (!fragment || put.has(name)) continue;
        put.add(name);
        take(fragment.selectionSet, fragment.typeCondition.name.value);
      }
    }
  };
  const add = (node: FieldNode, on: string): void => {
    const key = node.alias?.value ?? node.name.value;
    const place = `${on} ${key}`;
    const asked = found.get(place);
    if (asked) asked.nodes.push(node);
    else found.set(place, { key, name: node.name.value, type: on, nodes: [node] });
  };
  for (const selectionSet of selections) take(selectionSet, type);
  return [...found.values()];
}
