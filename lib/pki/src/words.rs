//! Enums that are words for people and programs, and what stands as text in JSON.

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

/// Writes a type as its text, and reads it from that.
#[macro_export]
macro_rules! as_text {
    ($name:ty $(, $parameter:ident: $bound:path)?) => {
        impl$(<$parameter: $bound>)? serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de $(, $parameter: $bound)?> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
