import type { AbnormalClient } from '../abnormal/client.js';
import type { Origin } from '../model/revision.js';

/** An Abnormal account that this process can read. */
export interface Account {
  /** The integration's name, part of every key and every global id. */
  readonly name: string;
  readonly origin: Origin;
  /** Where it is read from, without credentials. */
  readonly baseUrl: string;
  readonly client: AbnormalClient;
}
