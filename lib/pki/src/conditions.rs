//! One place for each condition that is told to people and machines: its words, its rule, and where the rule stands.

/// An enum of conditions. Behind each stands its rule (a stable name, for labels and machines) and the source of the
/// rule; `rule { … }` names what has a rule of its own.
macro_rules! conditions {
    (
        $(#[$of_enum:meta])*
        pub enum $name:ident {
            $(
                $(#[$of_variant:meta])*
                $variant:ident $(($($tuple:tt)*))? $({ $($fields:tt)* })? => $rule:literal, $source:literal;
            )*
        }
        $(rule { $own:pat => $own_rule:expr })?
    ) => {
        $(#[$of_enum])*
        pub enum $name {
            $(
                $(#[$of_variant])*
                $variant $(($($tuple)*))? $({ $($fields)* })?,
            )*
        }

        impl $name {
            /// A stable name of the condition, for labels and machines.
            pub fn rule(&self) -> &'static str {
                #[allow(unreachable_patterns, clippy::match_same_arms)]
                match self {
                    $($own => $own_rule,)?
                    $(Self::$variant { .. } => $rule,)*
                }
            }

            /// Where the rule comes from.
            pub fn source(&self) -> &'static str {
                #[allow(clippy::match_same_arms)]
                match self {
                    $(Self::$variant { .. } => $source,)*
                }
            }
        }
    };
}

pub(crate) use conditions;
