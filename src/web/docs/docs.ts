/** What the page needs of a value of Immutable.js, in which Swagger UI keeps its state. */
interface Definitions {
  filter(keep: (definition: { has(name: string): boolean }) => boolean): Definitions
}

type Selector<Result> = (state: unknown, ...of: string[]) => Result

/** Swagger UI as its script of the same page defines it. */
declare const SwaggerUIBundle: (options: object) => void

/** Their answers have no end: there is nothing to wait for, and to show. */
const streams = ['/events', '/ws']

/**
 * Nothing is tried out on a stream; and of the ways to say who one is, the page offers the one that it
 * keeps in memory alone: of a session it would make a cookie that scripts can read.
 */
const plugin = (): object => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor: (): Selector<boolean> => (_state, path) => !streams.includes(path),
      },
    },
    auth: {
      wrapSelectors: {
        definitionsToAuthorize:
          (original: Selector<Definitions>): Selector<Definitions> =>
          (...asked) =>
            original(...asked).filter((definition) => definition.has('bearer')),
      },
    },
  },
})

// It is dark by a class, whatever the browser prefers.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = (): void => void document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

SwaggerUIBundle({
  // A credential that the page was asked for with is one for the document too.
  url: `openapi.json${location.search}`,
  dom_id: '#docs',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [plugin],
  // Else what was shown would be sent elsewhere to be checked.
  validatorUrl: null,
})
