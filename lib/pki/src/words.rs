//! Enums that are words for people and programs.

/// An enum with a word for each variant; the word's method is named behind `by`.
#[macro_export]
macro_rules! words {
    (
        $(#[$of_enum:meta])*
        pub enum $name:ident by $word:ident {
            $($(#[$of_variant:meta])* $variant:ident => $text:literal,)*
        }
    ) => {
        $(#[$of_enum])*
        pub enum $name {
            $($(#[$of_variant])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// The word for it.
            #[must_use]
            pub const fn $word(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.$word())
            }
        }
    };
}
