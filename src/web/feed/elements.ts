/**
 * Makes an element.
 *
 * @param part its names for `::part()`.
 */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  part: string,
  text = '',
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  if (part !== '') element.setAttribute('part', part)
  // Never as HTML: most of what is shown was written by strangers.
  element.textContent = text
  return element
}
