//! What always holds of the answers.

use proptest::prelude::*;

use super::*;

/// A few roots, and cross-certificates between them that are sound or not.
fn networks() -> impl Strategy<Value = (Vec<Root>, Vec<Cross>)> {
    let edge = (0..5_usize, 1..5_usize, 0..4_u8, prop::option::weighted(0.8, 0..3_u8));
    prop::collection::vec(edge, 1..10).prop_map(|edges| {
        let roots: Vec<Root> = (0..5).map(|number| root(&format!("Root {number}"))).collect();
        let crosses = edges.iter().zip(2_u64..).map(|((from, step, flaw, path_len), serial)| {
            let (from, to) = (&roots[*from], &roots[(from + step) % 5]);
            let key = Key::p256(to.name.as_str()).unwrap();
            let shape = Shape::ca(&subject(to.name.as_str()), &key, *path_len).unwrap().serial(serial);
            let past = shape.clone().valid(NOW.unix() - YEAR, NOW.unix() - 1);
            cross_with(from, to, |_| if *flaw == 0 { past } else { shape })
        });
        let crosses = crosses.collect();
        (roots, crosses)
    })
}

fn of(roots: &[Root], crosses: &[Cross]) -> Matrix {
    matrix(network(&roots.iter().collect::<Vec<_>>(), crosses))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_more_cross_certificate_takes_nothing_away((roots, crosses) in networks()) {
        let (last, others) = crosses.split_last().unwrap();
        let (before, after) = (of(&roots, others), of(&roots, &crosses));
        for ((vehicle, charger, old), (_, _, new)) in before.pairs().zip(after.pairs()) {
            let room = |cell: &Cell| cell.path.as_ref().map(|path| path.sub_cas);
            prop_assert!(room(old) <= room(new), "{vehicle} {charger} {old:?} {new:?}");
            prop_assert!(!old.works() || new.works());
            if vehicle == charger {
                prop_assert_eq!(old.answer, Answer::Direct);
            }
        }
        let change = difference(&before, &after);
        prop_assert!(change.lost.is_empty());
        prop_assert_eq!(difference(&after, &before).lost.len(), change.gained.len());
        prop_assert!(change.gained.iter().all(|effect| effect.through.contains(&last.fingerprint)));
    }

    #[test]
    fn what_is_said_to_work_is_a_chain_that_validates((roots, crosses) in networks()) {
        use ctl_pki::path::{Inputs, Signatures, validate};
        let matrix = of(&roots, &crosses);
        let network = matrix.network();
        for (vehicle, charger, cell) in matrix.pairs() {
            let places = cell.path.iter().flat_map(|path| &path.crosses);
            let mut chain: Vec<Certificate> =
                places.map(|place| (*network.cross_certificates()[*place].certificate).clone()).collect();
            let name = &network.roots()[charger].name;
            let (mut by, mut issuer) = (Key::p256(name.as_str()).unwrap(), subject(name.as_str()));
            for depth in 0..cell.path.as_ref().map_or(0, |path| path.sub_cas) {
                let (own, name) = (Key::p256(&format!("sub {depth}")).unwrap(), format!("CN=Sub {depth}"));
                chain.push(Shape::ca(&name, &own, None).unwrap().signed_by(&issuer, &by).unwrap());
                (by, issuer) = (own, name);
            }
            let leaf = Shape::new("CN=SECC", &Key::p256("leaf").unwrap()).unwrap();
            chain.push(leaf.signed_by(&issuer, &by).unwrap());
            if cell.path.is_some() {
                let anchor = &network.roots()[vehicle].certificate;
                let chain: Vec<&Certificate> = chain.iter().collect();
                prop_assert!(chain.len() <= 3);
                let mut signatures = Signatures::with_limit(10);
                let judged = validate(anchor, &chain, &Inputs::at(NOW.unix()), &mut signatures);
                prop_assert!(judged.is_valid(), "{:?}", judged.failure);
            }
        }
    }

    #[test]
    fn more_roots_reach_more((roots, crosses) in networks()) {
        let matrix = of(&roots, &crosses);
        let reach = budget::reach(&matrix, budget::Counting::All);
        prop_assert!(reach.iter().enumerate().all(|(place, reach)| reach.contains(&place)));
        let found = budget::choices(&reach, &[1; 5], 5);
        prop_assert!(found.windows(2).all(|pair| pair[0].reached < pair[1].reached));
        prop_assert_eq!(found.last().map(|choice| choice.reached), Some(5));
    }
}
