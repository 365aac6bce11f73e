/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 has them. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/**
 * Examples of a body, by their names. The summary of an answer's is the request that it answers, or the
 * request's body is the example of the same name.
 */
export type Examples = Readonly<
  Record<string, { readonly summary?: string; readonly value: unknown }>
>

/** What an object may have beside its fields. */
export interface ObjectOptions<T> {
  readonly description?: string
  /** Fields that need not be there. */
  readonly optional?: readonly (keyof T)[]
  /** Other keywords. */
  readonly [keyword: string]: unknown
}

/** The schema of a component, by its name. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** The same with a description of its own; beside a `$ref` it would get lost. */
export function described(description: string, schema: JsonSchema): JsonSchema {
  return '$ref' in schema ? { description, allOf: [schema] } : { ...schema, description }
}

/**
 * An object with these fields. Given the type that the code has for it, the compiler holds both to the
 * same names.
 */
export function object<T extends object = Record<string, unknown>>(
  properties: { readonly [Name in keyof Required<T>]: JsonSchema },
  { optional = [], ...keywords }: ObjectOptions<T> = {},
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name as keyof T))
  return {
    type: 'object',
    ...keywords,
    properties,
    ...(required.length === 0 ? {} : { required }),
  }
}

/** An array of these. */
export function list(items: JsonSchema, keywords: JsonSchema = {}): JsonSchema {
  return { type: 'array', ...keywords, items }
}

/** This, or null. */
export function orNull(schema: JsonSchema, description?: string): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [schema, { type: 'null' }],
  }
}

/** A text. */
export function text(description: string, keywords: JsonSchema = {}): JsonSchema {
  return { type: 'string', description, ...keywords }
}

/** A whole number that is not negative. */
export function count(description: string, keywords: JsonSchema = {}): JsonSchema {
  return { type: 'integer', minimum: 0, description, ...keywords }
}

/** One of these words; what each of them means is told. */
export function words<T extends string>(
  description: string,
  meanings: Readonly<Record<T, string>>,
): JsonSchema {
  const told = Object.entries(meanings).map(
    ([word, meaning]) => `- \`${word}\`: ${meaning as string}`,
  )
  return {
    type: 'string',
    enum: Object.keys(meanings),
    description: `${description}\n\n${told.join('\n')}`,
  }
}

/** Exactly one of these components, told apart by a field of theirs. */
export function oneOfThese(
  field: string,
  names: Readonly<Record<string, string>>,
  description: string,
): JsonSchema {
  const mapping = Object.fromEntries(
    Object.entries(names).map(([value, name]) => [value, `#/components/schemas/${name}`]),
  )
  return {
    description,
    oneOf: [...new Set(Object.values(names))].map(ref),
    discriminator: { propertyName: field, mapping },
  }
}
