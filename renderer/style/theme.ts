import { createTheme, type MantineColorsTuple } from '@mantine/core';

const ink: MantineColorsTuple = [
  '#eef3fa',
  '#dce6f3',
  '#bcd3f2',
  '#a3c1ea',
  '#7d9fcf',
  '#5a7fb4',
  '#44699c',
  '#345a8b',
  '#2a4d7d',
  '#213f69',
];
const xs = { defaultProps: { size: 'xs' } };

/** Mantine in our measures (ui rules §5); colours come from mantine.css. */
export const theme = createTheme({
  colors: { ink },
  primaryColor: 'ink',
  primaryShade: { light: 8, dark: 3 },
  black: '#0f1c2c',
  fontFamily: 'var(--font-ui)',
  fontFamilyMonospace: 'var(--font-mono)',
  fontSizes: { xs: '11px', sm: '12px', md: '13px', lg: '15px', xl: '18px' },
  lineHeights: { xs: '1.45', sm: '1.34', md: '1.54' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '3px', sm: '4px', md: '6px' },
  defaultRadius: 'sm',
  cursorType: 'default',
  respectReducedMotion: true,
  autoContrast: true,
  components: {
    TextInput: xs,
    PasswordInput: xs,
    Select: { defaultProps: { size: 'xs', checkIconPosition: 'right', withAlignedLabels: false } },
    MultiSelect: { defaultProps: { size: 'xs', checkIconPosition: 'right' } },
    Checkbox: xs,
  },
});
