/**
 * The variables that a page may set, and what they are without it. Text has the colour of the page, and
 * what is fainter is that colour mixed thinner: so it suits any page, light or dark. The colours of the
 * states are as far from white as from black.
 */
export const variables = {
  '--ringcast-color': 'inherit',
  '--ringcast-background': 'transparent',
  '--ringcast-font': 'inherit',
  '--ringcast-mono': 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  '--ringcast-muted': 'color-mix(in srgb, currentColor 68%, transparent)',
  '--ringcast-border': 'color-mix(in srgb, currentColor 15%, transparent)',
  '--ringcast-radius': '0.625rem',
  '--ringcast-max-height': 'none',
  '--ringcast-accent': '#5b78e6',
  '--ringcast-live': '#2a9d62',
  '--ringcast-connecting': '#5b78e6',
  '--ringcast-stale': '#c27a12',
  '--ringcast-closed': '#d5504f',
} as const

function use(name: keyof typeof variables): string {
  return `var(${name}, ${variables[name]})`
}

const css = `
:host {
  display: block;
  box-sizing: border-box;
  overflow: hidden;
  color: ${use('--ringcast-color')};
  background: ${use('--ringcast-background')};
  font-family: ${use('--ringcast-font')};
  font-variant-numeric: tabular-nums;
  line-height: 1.45;
  text-align: start;
  border: 1px solid ${use('--ringcast-border')};
  border-radius: ${use('--ringcast-radius')};
}
:host([hidden]), [hidden], slot { display: none; }
[part=bar], [part=head] { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75em; }
[part=bar] { align-items: center; padding: 0.5em 0.5em 0.5em 1em; }
[part~=state] { display: flex; align-items: center; gap: 0.55em; margin-inline-end: auto; }
[part~=state]::before {
  content: '';
  box-sizing: border-box;
  width: 0.6em;
  height: 0.6em;
  border: 0.3em solid;
  border-radius: 50%;
}
[part~=live]::before { border-color: ${use('--ringcast-live')}; }
[part~=connecting]::before { border-color: ${use('--ringcast-connecting')}; border-width: 0.14em; }
[part~=stale]::before { border-color: ${use('--ringcast-stale')}; border-radius: 50% 50% 0 50%; }
[part~=closed]::before { border-color: ${use('--ringcast-closed')}; border-radius: 0; }
[part~=state], [part=waiting], [part=topic], [part=time], [part=empty], [part=gap], button { font-size: 0.875em; }
[part=waiting], [part=topic], [part=time], [part=empty], [part=gap] { color: ${use('--ringcast-muted')}; }
button {
  font-family: inherit;
  line-height: inherit;
  color: inherit;
  background: none;
  border: 1px solid ${use('--ringcast-border')};
  border-radius: calc(${use('--ringcast-radius')} * 0.6);
  padding: 0.2em 0.8em;
  cursor: pointer;
}
button:hover, button[aria-pressed=true] { border-color: ${use('--ringcast-accent')}; }
button[aria-pressed=true] { background: color-mix(in srgb, ${use('--ringcast-accent')} 22%, transparent); }
:focus-visible { outline: 2px solid ${use('--ringcast-accent')}; outline-offset: -2px; }
[part=empty] { margin: 0; padding: 0.75em 1.15em 1em; }
[part=list] {
  list-style: none;
  margin: 0;
  padding: 0;
  overflow: auto;
  max-height: ${use('--ringcast-max-height')};
}
li {
  contain: content;
  padding: 0.6em 1em 0.7em;
  border-block-start: 1px solid ${use('--ringcast-border')};
  overflow-wrap: anywhere;
}
[part=gap] { border-block-start-style: dashed; padding-block: 0.4em; padding-inline: 1.15em; }
[part=name] { font-weight: 600; }
[part=time] { margin-inline-start: auto; white-space: nowrap; }
[part~=data] { white-space: pre-wrap; }
[part=head] + [part~=data] { margin-block-start: 0.15em; }
[part~=json], [part=topic] { font-family: ${use('--ringcast-mono')}; }
[part~=json] { font-size: 0.85em; line-height: 1.5; }
[part=topic] { font-size: 0.8em; }
[part=more] { margin-block-start: 0.4em; padding-inline: 0; border: 0; color: ${use('--ringcast-muted')}; text-decoration: underline; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  .fresh { animation: fresh 1.6s ease-out; }
  @keyframes fresh { from { background: color-mix(in srgb, ${use('--ringcast-accent')} 16%, transparent); } }
}
`

let sheet: CSSStyleSheet | undefined

/** One style sheet for all elements. Made by script, so that no policy for inline styles forbids it. */
export function styleSheet(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
  }
  return sheet
}
