/** Languages of the console: code, own name, locale for numbers and dates. */
export const languages = {
  en: { name: 'English', short: 'EN', locale: 'en-GB' },
  ru: { name: 'Русский', short: 'RU', locale: 'ru-RU' },
  zh: { name: '中文', short: '中', locale: 'zh-CN' },
} as const;
export type Language = keyof typeof languages;

/** Narrows a tag such as `ru-RU` to a language of ours. */
export function toLanguage(tag: string | null | undefined): Language | undefined {
  const base = tag?.toLowerCase().split('-')[0];
  return base !== undefined && Object.hasOwn(languages, base) ? (base as Language) : undefined;
}
