import { instantText } from '../../controls/words.js';
import type { Evidence } from '../evaluate-period.js';
import type { NamedSeal } from '../seal/seal-before.js';
import { type Html, html } from './html.js';

/** How a reader finds out that the page, and what it rests on, is as the gateway made it. */
export function proofSection({ period, pin }: Evidence, seal: NamedSeal | null): Html {
  const again = `report --period ${period.text} --as-of ${pin.at}`;
  return html`<h2 id="check">How to check this</h2>
<p>All of it comes from the recorded history as it stood at recording ${pin.seq}, ${instantText(pin.at)}. Nobody has to take the page’s word for that:</p>
<ol>
<li><strong>Make it again.</strong> As long as the history is kept, this writes the same page, byte for byte, where the options that it was made with are given too:
${command(`${again} --format html`)}</li>
<li><strong>Check the history.</strong> ${seal === null ? UNSEALED : sealed(seal)}</li>
<li><strong>Take the records along.</strong> A pack has this report and everything that it rests on, and is checked anywhere, without the gateway:
${command(`${again} --format pack --out evidence.tar`)}
${command('verify --pack evidence.tar')}</li>
</ol>`;
}

function command(words: string): Html {
  return html`<p class="command"><code>abnormal-gateway ${words}</code></p>`;
}

const UNSEALED = html`No seal had been made when this was the view, so this page names none; <code>verify</code> holds the history against those made since.`;

function sealed({ index, hash, at, toSeq, kid }: NamedSeal): Html {
  const by = kid === null ? html`not signed` : html`signed with the key <code>${kid}</code>`;
  const published =
    kid === null
      ? null
      : html` The public key is at <code>/.well-known/abnormal-gateway-signing-keys.json</code> of the gateway.`;
  return html`The last seal before this view is seal ${index} of ${instantText(at)}, over everything up to recording ${toSeq}, ${by}. Its hash is kept with this page, and whoever has it finds out by name what was altered, removed or cut off since:
${command(`verify --seal ${hash}`)}${published}`;
}
