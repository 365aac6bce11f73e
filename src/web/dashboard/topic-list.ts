/** Topics as one text, with spaces between them; a space within a topic is written `%20`. */
export function textOf(topics: readonly string[]): string {
  return topics.map((topic) => topic.replaceAll(/[%\s]/g, encodeURIComponent)).join(' ')
}

/** The topics of a text. What is no escape stands for itself. */
export function topicsOf(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      try {
        return decodeURIComponent(word)
      } catch {
        return word
      }
    })
}
