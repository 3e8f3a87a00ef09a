/** The page at `/`: where to go from here. Plain HTML, no script, nothing from elsewhere. */
export function homePage(ide: boolean): string {
  const links = [
    ['/graphql', 'the graph; in a browser Apollo Sandbox, which is loaded from its maker’s servers'],
    ...(ide ? [['/ide', 'an IDE that works without a network']] : []),
    ['/healthz', 'alive?'],
    ['/readyz', 'able to serve?'],
  ];
  const items = links.map(([path, what]) => `<li><a href="${path}">${path}</a> ${what}</li>`).join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Abnormal GraphQL gateway</title>
<style>
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem; }
a { font-family: ui-monospace, monospace; }
li { margin: .4rem 0; }
</style>
<h1>Abnormal GraphQL gateway</h1>
<p>Abnormal Security’s cases, threats and campaigns as GraphQL, with a history of every version.</p>
<ul>
${items}
</ul>
</html>
`;
}
