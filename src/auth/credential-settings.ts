import type { WebTokenSettings } from './web-tokens.js'

/** Which credentials there are, and who does without. */
export interface CredentialSettings extends WebTokenSettings {
  readonly apiKeys: readonly string[]
  readonly anonymous: 'none' | 'subscribe' | 'all'
}

/** Whether a service asks anybody who they are. Without a credential to check by, it is open. */
export function hasCredentials(
  settings: Pick<CredentialSettings, 'apiKeys' | 'jwtSecret' | 'jwtPublicKey' | 'jwksUrl'>,
): boolean {
  const { apiKeys, jwtSecret, jwtPublicKey, jwksUrl } = settings
  return apiKeys.length > 0 || [jwtSecret, jwtPublicKey, jwksUrl].some((text) => text !== '')
}
