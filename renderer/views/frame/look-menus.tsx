import { useMantineColorScheme, useComputedColorScheme } from '@mantine/core';
import { IconCheck, IconLanguage, IconMoon, IconSun, IconWorld } from '@tabler/icons-react';
import type { Action } from '../../components/action.ts';
import { DropMenu } from '../../components/action-menu.tsx';
import { type Language, languages } from '../../text/languages.ts';
import { useText } from '../../text/use-text.ts';

/** Switching the language and the theme, as actions for menus and the palette. */
export function useLookActions(): { languages: Action[]; theme: Action } {
  const { t, language, setLanguage } = useText();
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme('light') === 'dark';
  const known = Object.entries(languages) as [Language, (typeof languages)[Language]][];
  return {
    languages: known.map(([id, { name }]) => ({
      id: `language.${id}`,
      label: name,
      icon: id === language ? IconCheck : IconLanguage,
      run: () => setLanguage(id),
    })),
    theme: {
      id: 'theme',
      label: t(isDark ? 'frame.light' : 'frame.dark'),
      icon: isDark ? IconSun : IconMoon,
      run: () => setColorScheme(isDark ? 'light' : 'dark'),
    },
  };
}

/** The two menus that are there before sign-in as well. */
export function LookMenus() {
  const { t, language } = useText();
  const { languages: choices, theme } = useLookActions();
  return (
    <>
      <DropMenu actions={choices}>
        <button type="button" className="hbtn">
          <IconWorld className="ic" aria-hidden />
          {languages[language].short}
          <span className="vh">{t('frame.language', { name: languages[language].name })}</span>
        </button>
      </DropMenu>
      <button type="button" className="hbtn" aria-label={theme.label} title={theme.label} onClick={() => theme.run()}>
        <theme.icon className="ic" aria-hidden />
      </button>
    </>
  );
}
