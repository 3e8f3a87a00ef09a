import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** The most fields, fragments written out, that a query may have to be compiled. */
const LARGEST = 1_000;

/**
 * Whether an operation may be compiled. Left to the interpreter is what a compiler is known to do otherwise
 * (introspection, directives), and what written out is too large: fragments within fragments double each time.
 */
export function isCompilable(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  if (operation.operation !== 'query') return false;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fieldsLeft(operation.selectionSet, fragments, LARGEST) >= 0;
}

/** How many of `left` fields a selection does not use up; negative when it may not be compiled. */
function fieldsLeft(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  left: number,
): number {
  let rest = left;
  for (const selection of selections) {
    if (selection.directives?.length) return -1;
    if (selection.kind === Kind.FIELD) {
      const name = selection.name.value;
      if (name.startsWith('__') && name !== '__typename') return -1;
      rest -= 1;
    }
    const inner =
      selection.kind === Kind.FRAGMENT_SPREAD
        ? fragments.get(selection.name.value)?.selectionSet
        : selection.selectionSet;
    if (inner && rest >= 0) rest = fieldsLeft(inner, fragments, rest);
    if (rest < 0) return rest;
  }
  return rest;
}
