import en from '../../assets/locales/reasons.en.json' with { type: 'json' };
import ru from '../../assets/locales/reasons.ru.json' with { type: 'json' };
import zh from '../../assets/locales/reasons.zh.json' with { type: 'json' };
import type { ReadReason } from '../../shared/model/read-reason.ts';
import type { Language } from './languages.ts';

// A reason without a sentence in one of the languages does not compile.
const byLanguage: Record<Language, Record<ReadReason, string>> = { en, ru, zh };

/** Why a disk was read whole although changes were asked for. */
export function reasonText(language: Language, reason: ReadReason): string {
  return byLanguage[language][reason];
}
