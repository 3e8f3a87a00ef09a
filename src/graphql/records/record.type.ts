import { ID, InterfaceType } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { Revision } from '../../model/revision.js';
import type { ListedKind } from '../../resources/kind.js';
import type { RecordOf } from '../../resources/records.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { TYPE_OF, toGlobalId } from '../base/global-id.js';
import { PlainField } from '../base/plain-field.js';
import type { View } from '../lists/view.js';
import { Node } from './node.type.js';
import { Provenance } from './provenance.type.js';

@InterfaceType('Record', {
  implements: Node,
  description: 'Anything collected from Abnormal, of which every version is kept.',
})
export abstract class RecordNode<K extends ListedKind = ListedKind> extends Node {
  private globalId: string | null = null;

  constructor(
    readonly revision: Revision<K>,
    /** What everything below this node is read from. */
    readonly view: View,
  ) {
    super();
    // a field that throws later, in a getter, would not be caught by a compiled query
    wholeOnes([revision]);
  }

  get record(): RecordOf[K] {
    return this.revision.record;
  }

  @PlainField(() => ID, {
    description:
      'Unique over all types and integrations, and lasting. Opaque: Abnormal’s own id stands beside it.',
  })
  get id(): string {
    if (this.globalId === null) {
      const { kind, integration, id } = this.revision.key;
      this.globalId = toGlobalId(TYPE_OF[kind], integration, id);
    }
    return this.globalId;
  }

  @PlainField(() => DateTime, {
    nullable: true,
    description:
      'When the gateway found it gone at Abnormal (two answers of 404, in different runs); the fields show the last version. Null while it is there. Lists leave deleted records out.',
  })
  get deletedAt(): Instant | null {
    return this.revision.deleted ? this.revision.observedFrom : null;
  }

  @PlainField(() => Provenance, { description: 'Where these data come from, and how sure they are.' })
  get provenance(): Provenance {
    return new Provenance(this.revision, this.view);
  }

  @PlainField(() => [String], {
    description:
      'Parts of what Abnormal sent that cannot be read, by path with what is wrong: `messages.2: neither abxMessageIdStr nor abxMessageId holds an id`. At most ten. The fields show null for such a value and leave out such an element of a list; `received` of the revision keeps it.',
  })
  get unread(): readonly string[] {
    return this.record.unread ?? [];
  }
}
