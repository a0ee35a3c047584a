interface TrustedTypesFactory {
  readonly createPolicy: (name: string, rules: Record<string, (text: string) => string>) => unknown;
}

function plainText(text: string): string {
  if (text.includes('<')) throw new TypeError('markup from a string is not allowed');
  return text;
}

/**
 * The page's only policy: text may be set as HTML when it is none (Mantine writes its style text that way), markup never,
 * scripts never.
 */
export function installTrustedTypes(): void {
  const factory = (window as { trustedTypes?: TrustedTypesFactory }).trustedTypes;
  factory?.createPolicy('default', { createHTML: plainText });
}
