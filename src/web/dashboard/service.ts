/** The service has refused something, or did not answer. */
export class ServiceError extends Error {
  /** @param status of the answer; 0 where there was none. */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }

  /** Whether the service wants to know who asks, or does not let them. */
  get isAboutCredentials(): boolean {
    return this.status === 401 || this.status === 403
  }
}

/** How to ask. */
export interface Asking {
  readonly method?: 'POST' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as a bearer token; else a session's cookie goes with it, if there is one. */
  readonly token?: string
}

/**
 * Asks the service that served the page. Paths are relative, since a proxy may serve the whole under
 * one of its own.
 *
 * @throws ServiceError with what the service says.
 */
export async function ask<Answer>(path: string, asking: Asking = {}): Promise<Answer> {
  const { method = 'GET', body, token } = asking
  const response = await fetch(path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    cache: 'no-store',
  }).catch(() => {
    throw new ServiceError(0, 'the service does not answer')
  })
  const text = await response.text()
  if (!response.ok) throw new ServiceError(response.status, messageOf(text, response))
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

function messageOf(text: string, { status, statusText }: Response): string {
  try {
    // Who shows it ends the sentence.
    return (JSON.parse(text) as { message: string }).message.replace(/\.$/, '')
  } catch {
    // Something on the way answered, not the service.
    return `${status} ${statusText}`
  }
}
