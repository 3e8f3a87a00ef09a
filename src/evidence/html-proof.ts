import { instantText } from '../controls/words.js';
import type { Evidence } from './evaluate-period.js';
import { type Html, html } from './html.js';
import type { NamedSeal } from './seal-before.js';

/** How a reader finds out that the page, and what it rests on, is as the gateway made it. */
export function proofSection({ period, pin }: Evidence, seal: NamedSeal | null): Html {
  const again = `report --period ${period.text} --as-of ${pin.at}`;
  return html`<h2 id="check">How to check this</h2>
<p>All of it comes from the recorded history as it stood at recording ${pin.seq}, ${instantText(pin.at)}. Nobody has to take the page’s word for that:</p>
<ol>
<li><strong>Make it again.</strong> As long as the history is kept, <code>${again} --format html</code> with the same options writes this page again, byte for byte.</li>
<li><strong>Check the history.</strong> ${seal === null ? UNSEALED : sealed(seal)}</li>
<li><strong>Take the records along.</strong> <code>${again} --format pack --out evidence.tar</code> packs this report with everything that it rests on, and <code>verify --pack evidence.tar</code> checks it anywhere, without the gateway.</li>
</ol>`;
}

const UNSEALED = html`No seal had been made when this was the view, so this page names none; <code>verify</code> holds the history against those made since.`;

function sealed({ index, hash, at, toSeq, kid }: NamedSeal): Html {
  const by = kid === null ? html`not signed` : html`signed with the key <code>${kid}</code>`;
  return html`The last seal before this view is seal ${index} of ${instantText(at)}, over everything up to recording ${toSeq}, ${by}:
<p class="seal"><code>${hash}</code></p>
<code>verify --seal ${hash.slice(0, 8)}…</code>, with all of that hash, names whatever was altered, removed or cut off since. Whoever keeps this page keeps the hash${kid === null ? null : html`; the public key is at <code>/.well-known/abnormal-gateway-signing-keys.json</code> of the gateway`}.`;
}
